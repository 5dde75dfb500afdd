# SPDX-License-Identifier: Apache-2.0
"""Campaigns: many independent runs of the tools, the product of axes, on a Dask cluster.

kinds         which tools runs can be of, with their keys and figures
plan_file     the file that says which runs: read, checked, named by line and key
plan          the runs of a campaign, and how two plans differ
store         the results, in one SQLite file
work          one run: what a worker of the cluster does
cluster       the local cluster, or that of a scheduler
summary       what came out: by setting, by axis, with the finding
page, picture the report as one HTML file
"""
