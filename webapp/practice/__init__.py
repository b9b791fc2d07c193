"""The practice gateway: a separate program that speaks the bulk gateway's protocol and sends nothing.

It is here so that a newcomer without a gateway account, the tests and the benchmarks all meet the same
counterpart over plain HTTP. It uses the standard library alone and imports nothing from the rest of `webapp`,
so that it stays small, starts at once, and can never become a short cut around the wire.

Run it with `python -m webapp.practice`.
"""
