"""The oracle of claim SW-7: models, rules, groups and users that are drawn, and what each user may do, in plain Python.

``world`` says what there is and what follows from it, and shares no code with the product; ``drawing`` draws worlds;
``product`` declares one to a real PostgreSQL; ``compare`` asks both the same and lists where they differ.
"""
