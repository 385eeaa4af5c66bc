"""The fixed suite: prompts, test tunes and recordings that stay the same, and a page of what is made of them."""
