"""Mutation testing of the core: ``python -m mutation`` breaks the code in one place at a time and sees whether a test notices.

docs/mutation-testing.md says what came of it. mutmut, the usual tool, changes only what stands inside functions: the
chain of rules, the graces and the words that are looked for would never be tried.
"""
