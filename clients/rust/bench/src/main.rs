// SPDX-License-Identifier: Apache-2.0

//! Measures the client beside the bare echo of tonic, as clients/bench/README.md says.
//!
//! usage: bench HOST:PORT ROUNDS

use std::error::Error;
use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{json, Value};
use tokio::sync::mpsc::{unbounded_channel, UnboundedSender};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::Streaming;
use vmalab_client::constants::{FAULT_READ, PAGE_BYTES};
use vmalab_client::proto::bench_service_client::BenchServiceClient;
use vmalab_client::proto::{EchoBlocksRequest, EchoBlocksResponse, EchoRequest};
use vmalab_client::{AddressSpace, Batch, BlockBuilder, Client, SpaceOptions};

const PAGES: u64 = 512;
const FAULTS: u64 = 10_000;
const UNARY_CALLS: u64 = 500;
const BLOCK_CALLS: u64 = 50;
const FIRST_WORD: u64 = 100;
const RESULT_BYTES: u64 = 16;

type Failure = Box<dyn Error>;

#[derive(Clone, Copy)]
enum Side {
    UnaryEcho,
    UnaryCall,
    BlockEcho,
    BlockCall,
}

struct Bench {
    client: Client,
    space: AddressSpace,
    addr: u64,
    batch: Batch,
    block: BlockBuilder,
    /// Of all words of a block.
    sum: u64,
    echo: BenchServiceClient<Channel>,
    requests: UnboundedSender<EchoBlocksRequest>,
    answers: Streaming<EchoBlocksResponse>,
    bytes: Vec<u8>,
}

impl Bench {
    async fn begin(target: &str) -> Result<Bench, Failure> {
        let client = Client::connect(target).await?;
        let space = client.new_address_space(SpaceOptions::default()).await?;
        let addr = space.map(PAGES * PAGE_BYTES).await?;
        for page in 0..PAGES {
            space.store(addr + page * PAGE_BYTES, FIRST_WORD + page).await?;
        }
        let batch = client.batch(1)?;
        let mut block = BlockBuilder::new();
        build(&mut block, space.number(), addr);
        let bytes = block.bytes().to_vec();
        let bare = Endpoint::from_shared(format!("http://{target}"))?.connect().await?;
        let mut echo = BenchServiceClient::new(bare);
        let (requests, queue) = unbounded_channel();
        // The server's part of a stream begins with its first answer.
        requests.send(EchoBlocksRequest { block: bytes.clone(), tag: 0 })?;
        let stream = echo.echo_blocks(UnboundedReceiverStream::new(queue)).await?;
        let mut answers = stream.into_inner();
        answers.message().await?;
        let sum = (0..FAULTS).map(|number| FIRST_WORD + number % PAGES).sum();
        Ok(Bench { client, space, addr, batch, block, sum, echo, requests, answers, bytes })
    }

    async fn end(self) -> Result<(), Failure> {
        drop(self.batch);
        self.space.close().await?;
        self.client.close().await;
        Ok(())
    }

    async fn round(&mut self, echo_first: bool) -> Result<Value, Failure> {
        let unary = self.both(Side::UnaryEcho, Side::UnaryCall, UNARY_CALLS, echo_first).await?;
        let block = self.both(Side::BlockEcho, Side::BlockCall, BLOCK_CALLS, echo_first).await?;
        Ok(json!({"unary": unary, "block": block}))
    }

    async fn both(
        &mut self,
        echo: Side,
        call: Side,
        calls: u64,
        echo_first: bool,
    ) -> Result<Value, Failure> {
        let (first, second) = if echo_first { (echo, call) } else { (call, echo) };
        let (first, second) = (self.cost(first, calls).await?, self.cost(second, calls).await?);
        let (echo, call) = if echo_first { (first, second) } else { (second, first) };
        Ok(json!({"echo": echo, "call": call}))
    }

    /// What so many calls of one side cost.
    async fn cost(&mut self, side: Side, calls: u64) -> Result<Value, Failure> {
        let (cpu, begin) = (cpu_ns(), Instant::now());
        for number in 0..calls {
            match side {
                Side::UnaryEcho => self.unary_echo(number).await?,
                Side::UnaryCall => self.unary_call(number % PAGES).await?,
                Side::BlockEcho => self.block_echo(number).await?,
                Side::BlockCall => self.block_call().await?,
            }
        }
        let wall = begin.elapsed().as_nanos() as u64;
        Ok(json!({"calls": calls, "wall_ns": wall, "cpu_ns": cpu_ns() - cpu}))
    }

    async fn unary_echo(&mut self, number: u64) -> Result<(), Failure> {
        let request = EchoRequest { first: number, second: self.addr, third: self.space.number() };
        let answer = self.echo.echo(request).await?.into_inner();
        good(answer.first == number, || format!("an echo of {number} is {}", answer.first))
    }

    async fn unary_call(&mut self, page: u64) -> Result<(), Failure> {
        let word = self.space.load(self.addr + page * PAGE_BYTES).await?;
        good(word == FIRST_WORD + page, || format!("page {page} has the word {word}"))
    }

    async fn block_echo(&mut self, tag: u64) -> Result<(), Failure> {
        self.requests.send(EchoBlocksRequest { block: self.bytes.clone(), tag })?;
        let answer = self.answers.message().await?.ok_or("the echo has ended")?;
        let length = answer.results.len() as u64;
        good(length == FAULTS * RESULT_BYTES, || format!("an echo has {length} bytes"))
    }

    async fn block_call(&mut self) -> Result<(), Failure> {
        build(&mut self.block, self.space.number(), self.addr);
        self.batch.send(&self.block)?;
        let results = self.batch.receive().await?;
        let mut sum = 0;
        for result in &results {
            if !result.is_ok() {
                return Err(format!("a fault has the status {}", result.status).into());
            }
            sum += result.value;
        }
        let right = sum == self.sum && results.len() as u64 == FAULTS;
        good(right, || format!("{} results with the sum {sum}, not {}", results.len(), self.sum))
    }
}

fn good(is: bool, wrong: impl FnOnce() -> String) -> Result<(), Failure> {
    is.then_some(()).ok_or_else(|| wrong().into())
}

fn build(block: &mut BlockBuilder, mm: u64, addr: u64) {
    block.clear();
    for number in 0..FAULTS {
        block.fault(mm, addr + number % PAGES * PAGE_BYTES, FAULT_READ);
    }
}

/// What this process has used, of all its threads.
fn cpu_ns() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills the struct that it is given; one of zeros is a valid one too.
    let usage = unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()), 0);
        usage.assume_init()
    };
    let ns = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1000;
    ns(usage.ru_utime) + ns(usage.ru_stime)
}

fn runtime() -> String {
    let lock = include_str!("../../Cargo.lock");
    let tonic = lock.split("name = \"tonic\"\nversion = \"").nth(1);
    let version = tonic.and_then(|text| text.split('"').next()).unwrap_or("unknown");
    format!("rustc {}, tonic {version}", env!("COMPILER_VERSION"))
}

async fn measure(target: &str, rounds: usize) -> Result<Value, Failure> {
    let mut bench = Bench::begin(target).await?;
    let mut found = Vec::new();
    for number in 0..=rounds {
        let one = bench.round(number % 2 == 0).await?;
        if number > 0 {
            found.push(one); // the first one warms up
        }
    }
    bench.end().await?;
    Ok(json!({"runtime": runtime(), "faults": FAULTS, "rounds": found}))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    if arguments.len() != 2 || rounds == 0 {
        eprintln!("usage: bench HOST:PORT ROUNDS");
        return ExitCode::from(2);
    }
    match measure(&arguments[0], rounds).await {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
