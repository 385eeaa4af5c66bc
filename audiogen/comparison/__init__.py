"""The same prompts by every route, side by side: one report to listen to, look at and cite.

plan      what is compared: prompts, routes, seeds, references
cells     one prompt by one route: its sound, its tune, its figures, kept so that a run can be resumed
metrics   one module a family, each figure with definition, unit and caveats
summary   means, bootstrap intervals, distances of sets, paired tests between routes
pictures, report   the page
listening the blind listening test and its tally
"""
