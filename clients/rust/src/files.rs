// SPDX-License-Identifier: Apache-2.0

//! Files that can be mapped.

use std::time::Duration;

use crate::client::{milliseconds, Client};
use crate::constants::Falloc;
use crate::errors::{failed, Error};
use crate::{proto, stubs};

/// Names a file that can be mapped.
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    /// The major number of its device.
    pub dev_major: u32,
    /// The minor number of its device.
    pub dev_minor: u32,
    /// Its inode.
    pub ino: u64,
    /// Its size.
    pub size_bytes: u64,
    /// What [`AddressSpace::maps`](crate::AddressSpace::maps) shows.
    pub name: String,
    /// How long it stays open without a lease; `None`: the server's default.
    pub ttl: Option<Duration>,
    /// Leaves out the lease that keeps it open as long as the client lives.
    pub no_lease: bool,
}

impl Client {
    /// Opens a file that can be mapped, and gives its number. The same device and inode give the same
    /// file.
    pub async fn open_file(&self, options: FileOptions) -> Result<u64, Error> {
        let request = proto::OpenFileRequest {
            dev_major: options.dev_major,
            dev_minor: options.dev_minor,
            ino: options.ino,
            size_bytes: options.size_bytes,
            name: options.name,
            ttl_ms: milliseconds(options.ttl),
        };
        let call = |c, r| async move { stubs::memory(c).open_file(r).await };
        let answer = self.unary(request, call).await?;
        if !options.no_lease {
            self.leases().add_file(answer.file);
        }
        Ok(answer.file)
    }

    /// Closes a file; what is mapped of it stays mapped. The lease on it ends with the last open of
    /// this client.
    pub async fn close_file(&self, file: u64) -> Result<(), Error> {
        let request = proto::CloseFileRequest { file };
        let call = |c, r| async move { stubs::memory(c).close_file(r).await };
        self.unary(request, call).await?;
        self.leases().drop_file(file);
        Ok(())
    }

    /// Lets all clients use a file, for good.
    pub async fn share_file(&self, file: u64) -> Result<(), Error> {
        let request = proto::ShareFileRequest { file };
        let call = |c, r| async move { stubs::memory(c).share_file(r).await };
        self.unary(request, call).await?;
        Ok(())
    }

    /// ftruncate(2): what lies beyond the new end is gone from every mapping.
    pub async fn truncate_file(&self, file: u64, size_bytes: u64) -> Result<(), Error> {
        let request = proto::TruncateFileRequest { file, size_bytes };
        let call = |c, r| async move { stubs::memory(c).truncate_file(r).await };
        let answer = self.unary(request, call).await?;
        failed("truncate_file", answer.errno_code)
    }

    /// fallocate(2) in bytes; with
    /// [`FALLOC_FL_PUNCH_HOLE`](crate::constants::FALLOC_FL_PUNCH_HOLE) and
    /// [`FALLOC_FL_KEEP_SIZE`](crate::constants::FALLOC_FL_KEEP_SIZE) a hole.
    pub async fn allocate_file(
        &self,
        file: u64,
        mode: Falloc,
        offset: u64,
        length: u64,
    ) -> Result<(), Error> {
        let request = proto::AllocateFileRequest { file, mode: mode.into(), offset, length };
        let call = |c, r| async move { stubs::memory(c).allocate_file(r).await };
        let answer = self.unary(request, call).await?;
        failed("allocate_file", answer.errno_code)
    }
}
