// SPDX-License-Identifier: Apache-2.0

//! A whole small program: it maps memory, shares it with a child by fork, fills it with a block of a
//! thousand stores, and reads the errors that an emulated program would get.
//!
//! usage: sample HOST:PORT

use std::error::Error;

use vmalab_client::constants::{EINVAL, PAGE_BYTES, SIGSEGV};
use vmalab_client::{AddressSpace, BlockBuilder, Client, SpaceOptions};

const PAGES: u64 = 1000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let target = std::env::args().nth(1).ok_or("usage: sample HOST:PORT")?;
    let client = Client::connect(target).await?;
    let space = client.new_address_space(SpaceOptions::default()).await?;

    let addr = space.map(PAGES * PAGE_BYTES).await?;
    fill(&client, &space, addr).await?;
    let child = space.fork().await?;
    child.store(addr, 1).await?;
    let (mine, theirs) = (space.load(addr).await?, child.load(addr).await?);
    println!("after fork: parent {mine}, child {theirs}");
    refused(&space, addr).await?;

    drop(child); // its end is a task of the client
    client.close().await;
    Ok(())
}

/// Stores a word in each page, with one block.
async fn fill(client: &Client, space: &AddressSpace, addr: u64) -> Result<(), Box<dyn Error>> {
    let mut block = BlockBuilder::new();
    for page in 0..PAGES {
        block.fault_store(space.number(), addr + page * PAGE_BYTES, 100 + page);
    }
    let results = client.apply(&block).await?;
    let good = results.iter().filter(|result| result.is_ok()).count();
    println!("block: {good} of {} stores", results.len());
    Ok(())
}

/// Shows the three kinds of errors.
async fn refused(space: &AddressSpace, addr: u64) -> Result<(), Box<dyn Error>> {
    let error = space.munmap(addr + 1, PAGE_BYTES).await.unwrap_err();
    println!("munmap at an odd address: EINVAL {}", error.errno() == Some(EINVAL));
    space.munmap(addr, PAGES * PAGE_BYTES).await?;
    let error = space.load(addr).await.unwrap_err();
    println!("load of what is gone: SIGSEGV {}", error.signal() == Some(SIGSEGV));
    space.exit().await?;
    let error = space.load(addr).await.unwrap_err();
    println!("after exit: no such address space {}", error.is_no_such_address_space());
    Ok(())
}
