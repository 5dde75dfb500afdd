// SPDX-License-Identifier: Apache-2.0

//! Address spaces: their life, loads and stores, and the calls that are more than a request and an
//! answer. calls_gen.rs has the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::time::Duration;

use crate::channel::locked;
use crate::client::{milliseconds, Client};
use crate::constants::*;
use crate::errors::{failed, Error, FaultError, UserFaultError};
use crate::{proto, stubs};

/// How a new address space begins. [`SpaceOptions::default`] is an empty one.
#[derive(Clone, Debug, Default)]
pub struct SpaceOptions {
    /// Where top-down placement begins; 0: `0x7ffff7fff000`, or what follows from `maps`.
    pub mmap_base: u64,
    /// Where the heap begins; 0: none, or as `maps` says.
    pub start_brk: u64,
    /// Where the heap ends; 0: as `start_brk`, or as `maps` says.
    pub brk: u64,
    /// A `/proc/PID/maps` text to begin with.
    pub maps: String,
    /// How long it lives without a lease; `None`: the server's default.
    pub ttl: Option<Duration>,
    /// Leaves out the lease that keeps it as long as the client lives.
    pub no_lease: bool,
    /// Limits and capabilities of its process; `None`: those of root.
    pub setup: Option<proto::ProcessSetup>,
}

/// One emulated address space, as one thread of it sees it: its PKRU is the handle's own. Tasks may
/// share a handle that has no PKRU.
///
/// The handle that made an address space ends it when it is dropped. Drop cannot wait, so a task of
/// the client makes the call, after the lease has ended: if the call does not come through, or the
/// runtime ends first, the server ends the address space when its time to live is over.
/// [`close`](AddressSpace::close) waits for the end, and gives the error; [`Client::close`] waits
/// for the end of all that were dropped before. A handle of [`Client::use_address_space`] ends its
/// lease alone. [`detach`](AddressSpace::detach) lets an address space live on.
#[derive(Debug)]
pub struct AddressSpace {
    client: Client,
    number: u64,
    /// Whether dropping the handle ends the address space.
    made: AtomicBool,
    /// Whether the handle has a part in the client's lease.
    leased: AtomicBool,
    rights: Mutex<Option<u32>>,
}

/// An access that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The page's word after it.
    pub word: u64,
    /// How it was done: [`FAULT_INFO_VMA_LOCK`] and so on.
    pub info: FaultInfo,
}

/// A piece of an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub addr: u64,
    /// Its bytes.
    pub length: u64,
}

impl Client {
    /// Makes an address space.
    pub async fn new_address_space(&self, options: SpaceOptions) -> Result<AddressSpace, Error> {
        let request = proto::CreateAddressSpaceRequest {
            mmap_base: options.mmap_base,
            start_brk: options.start_brk,
            brk: options.brk,
            maps: options.maps,
            ttl_ms: milliseconds(options.ttl),
            setup: options.setup,
        };
        let call = |c, r| async move { stubs::memory(c).create_address_space(r).await };
        let answer = self.unary(request, call).await?;
        Ok(self.handle(answer.mm, true, !options.no_lease))
    }

    /// Gives a handle on an address space that exists, with a lease on it. Several clients may use
    /// it; it does not end with this handle.
    pub fn use_address_space(&self, mm: u64) -> AddressSpace {
        self.handle(mm, false, true)
    }

    /// Gives a handle on an address space that another client keeps.
    pub fn use_without_lease(&self, mm: u64) -> AddressSpace {
        self.handle(mm, false, false)
    }

    fn handle(&self, number: u64, made: bool, leased: bool) -> AddressSpace {
        if leased {
            self.leases().add(number);
        }
        AddressSpace {
            client: self.clone(),
            number,
            made: made.into(),
            leased: leased.into(),
            rights: Mutex::new(None),
        }
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        let (made, leased) = (*self.made.get_mut(), *self.leased.get_mut());
        if made {
            self.client.leases().forget(self.number);
            self.client.end_later(self.number);
        } else if leased {
            self.client.leases().release(self.number);
        }
    }
}

impl AddressSpace {
    /// What other clients and blocks name it by.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The client that it belongs to.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Says what this thread has in its register PKRU from now on; `None`: as the address space has
    /// it. A new program begins with [`PKRU_START`].
    pub fn set_pkru(&self, rights: Option<u32>) {
        *locked(&self.rights) = rights;
    }

    /// What this thread has in PKRU; `None`: as the address space has it.
    pub fn pkru(&self) -> Option<u32> {
        *locked(&self.rights)
    }

    /// Takes what a call has made of PKRU, if its request had it.
    pub(crate) fn keep_pkru(&self, rights: Option<u32>) {
        if rights.is_some() {
            self.set_pkru(rights);
        }
    }

    /// From now on dropping the handle does nothing, and no lease is kept.
    fn let_go(&self) {
        self.made.store(false, Ordering::Release);
        self.leased.store(false, Ordering::Release);
        self.client.leases().forget(self.number);
    }

    /// Ends the address space, for all who use it; one that has ended already is no error.
    pub async fn close(self) -> Result<(), Error> {
        match self.exit().await {
            Err(error) if !error.is_no_such_address_space() => Err(error),
            _ => Ok(()),
        }
    }

    /// Ends the address space now, for all who use it.
    pub async fn exit(&self) -> Result<(), Error> {
        self.let_go();
        let request = proto::ExitRequest { mm: self.number };
        let call = |c, r| async move { stubs::memory(c).exit(r).await };
        self.client.unary(request, call).await?;
        Ok(())
    }

    /// Ends the lease of this handle, and gives the number: the address space ends with its last
    /// lease, and not with this handle.
    pub fn detach(&self) -> u64 {
        self.made.store(false, Ordering::Release);
        if self.leased.swap(false, Ordering::AcqRel) {
            self.client.leases().release(self.number);
        }
        self.number
    }

    /// Lets all clients use it, for good.
    pub async fn share(&self) -> Result<(), Error> {
        let request = proto::ShareAddressSpaceRequest { mm: self.number };
        let call = |c, r| async move { stubs::memory(c).share_address_space(r).await };
        self.client.unary(request, call).await?;
        Ok(())
    }

    /// fork(2): the child's address space, with a lease on it.
    pub async fn fork(&self) -> Result<AddressSpace, Error> {
        let request =
            proto::ForkAddressSpaceRequest { mm: self.number, ttl_ms: 0, pkru: self.pkru() };
        let call = |c, r| async move { stubs::memory(c).fork_address_space(r).await };
        let answer = self.client.unary(request, call).await?;
        failed("fork", answer.errno_code)?;
        let child = self.client.handle(answer.mm, true, true);
        child.set_pkru(self.pkru());
        Ok(child)
    }

    /// execve(2): the process goes on in a new address space, the answer, and this one ends. With
    /// `shared` others run on in this one, as the parent does after vfork, and it stays. `setup` of
    /// the options has no effect: limits and capabilities are kept.
    pub async fn exec(&self, options: SpaceOptions, shared: bool) -> Result<AddressSpace, Error> {
        let request = proto::ExecRequest {
            mm: self.number,
            mmap_base: options.mmap_base,
            start_brk: options.start_brk,
            brk: options.brk,
            maps: options.maps,
            ttl_ms: milliseconds(options.ttl),
            shared,
        };
        let call = |c, r| async move { stubs::memory(c).exec(r).await };
        let answer = self.client.unary(request, call).await?;
        failed("exec", answer.errno_code)?;
        if !shared {
            self.let_go();
        }
        Ok(self.client.handle(answer.mm, true, !options.no_lease))
    }

    /// Touches a page as a load, a store or an instruction fetch would. `word` is stored with
    /// [`FAULT_WRITE`]; `None`: the page keeps its word. A signal is an [`Error::Fault`].
    pub async fn fault(
        &self,
        addr: u64,
        access: Access,
        word: Option<u64>,
    ) -> Result<Fault, Error> {
        let how = match access {
            FAULT_WRITE => proto::Access::Write,
            FAULT_EXEC => proto::Access::Exec,
            _ => proto::Access::Read,
        };
        let request = proto::FaultRequest {
            mm: self.number,
            addr,
            access: how.into(),
            word,
            pkru: self.pkru(),
        };
        let call = |c, r| async move { stubs::memory(c).fault(r).await };
        let answer = self.client.unary(request, call).await?;
        if answer.signal != 0 {
            return Err(Error::Fault(FaultError {
                signal: answer.signal,
                code: answer.si_code,
                addr,
                pkey: answer.pkey,
            }));
        }
        if answer.userfault {
            let flags = UffdPagefault(answer.userfault_flags);
            return Err(Error::UserFault(UserFaultError { addr, flags }));
        }
        failed("fault", answer.errno_code)?;
        Ok(Fault { word: answer.word, info: FaultInfo(answer.info) })
    }

    /// Reads the word of the page at an address.
    pub async fn load(&self, addr: u64) -> Result<u64, Error> {
        Ok(self.fault(addr, FAULT_READ, None).await?.word)
    }

    /// Writes a word into the page at an address.
    pub async fn store(&self, addr: u64, word: u64) -> Result<(), Error> {
        self.fault(addr, FAULT_WRITE, Some(word)).await?;
        Ok(())
    }

    /// Maps so many bytes of private memory that can be read and written, wherever there is room.
    pub async fn map(&self, length: u64) -> Result<u64, Error> {
        let (prot, flags) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
        self.mmap(0, length, prot, flags, 0, 0, MMAP_FILE_READ_WRITE).await
    }

    /// process_madvise(2): how many bytes were advised. `remote`: the caller is another process,
    /// which may give some advice only.
    pub async fn process_madvise(
        &self,
        ranges: &[Range],
        advice: Madv,
        remote: bool,
    ) -> Result<u64, Error> {
        let part = |one: &Range| proto::MemoryRange { addr: one.addr, length: one.length };
        let request = proto::ProcessMadviseRequest {
            mm: self.number,
            ranges: ranges.iter().map(part).collect(),
            advice: advice.into(),
            remote,
            pkru: self.pkru(),
        };
        let call = |c, r| async move { stubs::memory(c).process_madvise(r).await };
        let answer = self.client.unary(request, call).await?;
        failed("process_madvise", answer.errno_code)?;
        Ok(answer.advised)
    }

    /// The mappings as `/proc/PID/maps` shows them.
    pub async fn maps(&self) -> Result<String, Error> {
        let request = proto::GetMapsRequest { mm: self.number };
        Ok(self.client.inspect().get_maps(request).await?.maps)
    }

    /// The mapping that contains an address and has all that the flags name (`PROCMAP_QUERY`). Where
    /// there is none the error is `ENOENT`.
    pub async fn query_vma(&self, addr: u64, flags: Query) -> Result<proto::VmaInfo, Error> {
        let request = proto::QueryVmaRequest { mm: self.number, addr, flags: flags.into() };
        let answer = self.client.inspect().query_vma(request).await?;
        failed("query_vma", answer.errno_code)?;
        Ok(answer.vma.unwrap_or_default())
    }
}
