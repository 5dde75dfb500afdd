// SPDX-License-Identifier: Apache-2.0
//! The models, each with the table of its variants.

use crate::Model;

mod mmap_lock;
mod rcu;
mod refcount;
mod rwsem;
mod seqcount;
mod tree;
mod vma_deferred;
mod vma_typesafe;
mod world;

pub const ALL: &[&Model] = &[
    &seqcount::MODEL,
    &rwsem::LOCK,
    &rwsem::WAKE_WRITER,
    &rwsem::WAKE_READER,
    &rcu::FENCED,
    &rcu::MEMBARRIER,
    &rcu::KILLED,
    &rcu::MARK_FENCED,
    &rcu::MARK_MEMBARRIER,
    &tree::PUBLISH,
    &tree::REUSE,
    &tree::DEAD_MARK,
    &mmap_lock::MODEL,
    &vma_deferred::EMBEDDED,
    &vma_deferred::SPLIT,
    &vma_typesafe::LOCKED,
    &vma_typesafe::BARE,
    &vma_typesafe::SECTION,
    &vma_typesafe::STAMP,
    &refcount::LOCK,
    &refcount::KERNEL_WAIT,
    &refcount::WAKE,
    &world::STOP,
];
