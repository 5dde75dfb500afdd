# SPDX-License-Identifier: Apache-2.0
"""The numbers of Linux on x86-64 that the calls take."""

from vmalab.uapi import PAGE_BYTES as PAGE_BYTES
from vmalab.uapi import RLIM_INFINITY
from vmalab.uapi import Falloc as Falloc
from vmalab.uapi import FileMode as FileMode
from vmalab.uapi import Madv as Madv
from vmalab.uapi import Map as Map
from vmalab.uapi import Mcl as Mcl
from vmalab.uapi import Mlock as Mlock
from vmalab.uapi import Mremap as Mremap
from vmalab.uapi import Ms as Ms
from vmalab.uapi import Pkey as Pkey
from vmalab.uapi import Prot as Prot
from vmalab.uapi import Query as Query
from vmalab.uapi import Rlimit as Rlimit
from vmalab.uapi import UffdFeature as UffdFeature
from vmalab.uapi import UffdFillMode as UffdFillMode
from vmalab.uapi import UffdMoveMode as UffdMoveMode
from vmalab.uapi import UffdPagefault as UffdPagefault
from vmalab.uapi import UffdRegisterMode as UffdRegisterMode
from vmalab.uapi import UffdWriteprotectMode as UffdWriteprotectMode

INFINITY = RLIM_INFINITY
"""RLIM_INFINITY."""
