"""Tunes by a large language model, turned into sound.

    prompts      what is said to the model
    chat         one answer of an OpenAI-compatible server, within limits of size and time
    exchange     the record of a talk: what was asked, what came back, how it was read
    extraction   the notation in a reply, apart from the prose around it
    json_notes, chord_grid   the two notations that are not ABC
    reading      a reply to tunes: strictly, or with every mending listed
    diagnosis    what is wrong with a tune that can be read
    sonifier     the whole path, from a prompt or a saved reply to sound

A reply is somebody else's text: nothing of it reaches a file name, and its size, notes and tempo have limits.
"""
