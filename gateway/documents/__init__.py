"""Documents that are made of the definitions, and so cannot be wrong.

typescript.py   the types of the JavaScript client
"""
