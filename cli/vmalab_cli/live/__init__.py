# SPDX-License-Identifier: Apache-2.0
"""The live view `vmalab top`: looks at all instances, compares each with the look before, and shows
what it finds as pages.

    watch.py    looks, and keeps what was seen before
    world.py    what a look found, and how fast it changes
    figures.py  numbers in few columns
    page.py     a page: facts, and a table that is sorted and filtered
    views.py    the pages of an instance
    zoom.py     the pages of one address space, one VMA, one thread
    facts.py    a look as JSON
    text.py     a page as text
    screen.py   the pages on a terminal; the only module that needs textual
"""
