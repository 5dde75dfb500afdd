/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_variants.h (base): the variants of the lab core: each another way to do something right,
 * which a proposal or a kernel has and the shipped core has not. With one switched on every
 * invariant must hold in the scenarios that name it. No guard: it is a list that is read several
 * times.
 *
 * X(name, "", lock models it applies to, what is done instead)
 * models: as in lab_mutants.h
 */
X(sticky_flags_merged_late, "", "SETR",
  "flags are copied or computed before the VMA is write-locked, and merged with its sticky ones "
  "after")
X(mm_says_detached, "", "T",
  "vm_mm says whether a VMA is detached, by its highest bit; a lookup does not look at `detached`")
X(lookup_waits_for_writer, "", "SETR",
  "a lookup that meets a writer waits until mmap_lock is free, and begins again")
