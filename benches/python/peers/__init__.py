"""What a user would write instead: the programs that crossmargin is compared with.

Each module computes the three outputs of the reference workload, as fast as its author
could make it with the tool it stands for, from the same tables. A module exposes
``contenders(workload)``.
"""
