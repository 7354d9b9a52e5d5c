"""What a deployment came to: layers beside their references, maps scored, everything summed up.

Import the module that is needed; the package itself imports nothing. Formulas are in
`loihiseg.metrics`.
"""
