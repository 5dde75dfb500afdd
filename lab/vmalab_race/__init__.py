# SPDX-License-Identifier: Apache-2.0
"""The race lab: scenarios under a scheduler, mutants, schedules that can be replayed and shown.

scenario   reads a scenario file: who does what, and which mutants it shows
session    a segment of the lab core and the actor processes of one scenario
schedule   the text of a schedule (.sched)
explore    searches for a broken invariant, shortens what it finds
survey     everything: each scenario on each model, each mutant
"""
