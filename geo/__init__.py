"""How space works: frames and arrays in, frames and arrays out.

This room may not open a file, ask a database, know the web or look at a clock.
"""
