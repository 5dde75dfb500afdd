// SPDX-License-Identifier: Apache-2.0

//! A stream of blocks.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Status};

use crate::block::{BlockBuilder, Results};
use crate::channel::Channel;
use crate::client::Client;
use crate::errors::{of_block, service, Error};
use crate::proto::{BatchRequest, BatchResponse};
use crate::stubs;

/// How many blocks a [`Batch`] has outstanding at most, unless it is told otherwise.
pub const WINDOW_DEFAULT: usize = 8;

type Answer = Result<BatchResponse, Status>;

/// A stream of blocks. Keep several outstanding: that is what makes it fast. It ends when it is
/// dropped; answers that were not received are given up.
#[derive(Debug)]
pub struct Batch {
    requests: mpsc::UnboundedSender<BatchRequest>,
    answers: mpsc::UnboundedReceiver<Answer>,
    reader: AbortHandle,
    window: usize,
    tag: u64,
    outstanding: VecDeque<u64>,
}

/// What a block that was sent for its failures answers.
#[derive(Clone, Debug, Default)]
pub struct Failed {
    /// How many records were executed.
    pub executed: u64,
    /// The places of those that failed.
    pub places: Vec<u32>,
    /// Their results, in the same order.
    pub results: Results,
}

impl Client {
    /// Opens a stream with at most `window` blocks outstanding; 0: [`WINDOW_DEFAULT`]. It has no
    /// deadline. It is called inside of a runtime of tokio.
    pub fn batch(&self, window: usize) -> Result<Batch, Error> {
        self.open()?;
        let (requests, queue) = mpsc::unbounded_channel();
        let (heard, answers) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read(self.channel(), queue, heard)).abort_handle();
        let window = if window == 0 { WINDOW_DEFAULT } else { window };
        Ok(Batch { requests, answers, reader, window, tag: 0, outstanding: VecDeque::new() })
    }
}

/// Takes answers from the stream also while nobody receives: the server may wait for that before it
/// takes another block. The window bounds what stands in the two queues.
async fn read(
    channel: Channel,
    queue: mpsc::UnboundedReceiver<BatchRequest>,
    heard: mpsc::UnboundedSender<Answer>,
) {
    let opened = stubs::memory(channel).batch(UnboundedReceiverStream::new(queue)).await;
    let mut stream = match opened {
        Ok(opened) => opened.into_inner(),
        Err(status) => {
            let _ = heard.send(Err(status));
            return;
        }
    };
    while let Some(answer) = stream.message().await.transpose() {
        let ended = answer.is_err();
        if heard.send(answer).is_err() || ended {
            return;
        }
    }
}

impl Batch {
    /// How many blocks were sent and not received yet.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Whether an answer must be received before the next block is sent.
    pub fn is_full(&self) -> bool {
        self.outstanding.len() >= self.window
    }

    /// Sends a block. Fails with [`Error::Window`] when the window is full.
    pub fn send(&mut self, block: &BlockBuilder) -> Result<(), Error> {
        self.send_bytes(block.checked()?.to_vec(), false)
    }

    /// Sends a block that was built otherwise. `failed_only`:
    /// [`receive_failed`](Batch::receive_failed) gives what failed of it, which makes a stream twice
    /// as fast; values do not come back.
    pub fn send_bytes(&mut self, block: Vec<u8>, failed_only: bool) -> Result<(), Error> {
        if self.is_full() {
            let text = format!("{} blocks are outstanding: receive an answer first", self.window);
            return Err(Error::Window(text));
        }
        self.tag += 1;
        let tag = self.tag;
        // A stream that has ended takes none; `receive` has the reason.
        let _ = self.requests.send(BatchRequest { block, tag, failed_only, timed: false });
        self.outstanding.push_back(tag);
        Ok(())
    }

    async fn answer(&mut self) -> Result<BatchResponse, Error> {
        let Some(wanted) = self.outstanding.front().copied() else {
            return Err(Error::Window("no block is outstanding".to_owned()));
        };
        let Some(answer) = self.answers.recv().await else {
            return Err(service(Code::Unavailable, "the server ended the stream"));
        };
        let answer = answer.map_err(|status| of_block(status.into()))?;
        self.outstanding.pop_front();
        if answer.tag != wanted {
            let text = format!("answer {} instead of {wanted}", answer.tag);
            return Err(service(Code::Unavailable, text));
        }
        Ok(answer)
    }

    /// The results of the oldest block that is outstanding. A call that is dropped before it is done
    /// loses none.
    pub async fn receive(&mut self) -> Result<Results, Error> {
        Results::parse(self.answer().await?.results)
    }

    /// What failed of the oldest block that is outstanding, which was sent with `failed_only`.
    pub async fn receive_failed(&mut self) -> Result<Failed, Error> {
        let answer = self.answer().await?;
        Ok(Failed {
            executed: answer.executed,
            places: answer.failed,
            results: Results::parse(answer.results)?,
        })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.reader.abort();
    }
}
