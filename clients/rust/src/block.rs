// SPDX-License-Identifier: Apache-2.0

//! Blocks: packed operations, and their results.

use crate::client::Client;
use crate::constants::*;
use crate::errors::{of_block, Error};
use crate::space::Range;
use crate::{proto, stubs};

const WORD_BYTES: usize = 8;
const HEADER_WORDS: usize = 2;
const RESULT_BYTES: usize = 16;
const CODE_MASK: u32 = 0xff;

/// The header of a record, without its length.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) op: Op,
    pub(crate) takes_pkru: bool,
    pub(crate) flags: u16,
    pub(crate) how: u32,
    pub(crate) mm: u64,
}

/// Builds a block, record by record: a method for each operation, which can be chained. A record
/// that cannot be is not added; [`error`](BlockBuilder::error) has the first of them, and
/// [`Client::apply`] refuses the block.
///
/// ```
/// use vmalab_client::{constants::*, BlockBuilder};
///
/// let mut block = BlockBuilder::new();
/// let (prot, flags) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
/// block.mmap(0x10001, 0x20000000, 4096, prot, flags, 0, 0, MMAP_FILE_READ_WRITE);
/// block.fault_store(0x10001, 0x20000000, 42).fault(0x10001, 0x20000000, FAULT_READ);
/// assert_eq!(block.results_count(), 3);
/// ```
#[derive(Clone, Debug, Default)]
pub struct BlockBuilder {
    raw: Vec<u8>,
    results: usize,
    error: Option<Error>,
    pkru: Option<u32>,
}

impl BlockBuilder {
    /// An empty block.
    pub fn new() -> BlockBuilder {
        BlockBuilder::default()
    }

    /// Says what the caller has in PKRU: the records that are added from now on go with it, as far
    /// as they take one. `None`: as the address space has it.
    pub fn set_pkru(&mut self, rights: Option<u32>) -> &mut Self {
        self.pkru = rights;
        self
    }

    /// The block as it is now.
    pub fn bytes(&self) -> &[u8] {
        &self.raw
    }

    /// How many results the block will have.
    pub fn results_count(&self) -> usize {
        self.results
    }

    /// The first record that could not be, as an [`Error::BadBlock`].
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Begins again, with the memory that is there.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.results = 0;
        self.error = None;
    }

    /// The bytes of a block that may be sent.
    pub(crate) fn checked(&self) -> Result<&[u8], Error> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(&self.raw),
        }
    }

    fn word(&mut self, word: u64) {
        self.raw.extend_from_slice(&word.to_le_bytes());
    }

    /// Begins a record of so many words behind its header.
    fn begin(&mut self, record: Head, words: usize) {
        let mut flags = u64::from(record.flags);
        let mut total = HEADER_WORDS + words;
        if record.takes_pkru && self.pkru.is_some() {
            flags |= RECORD_PKRU;
            total += 1;
        }
        let how = u64::from(record.how);
        self.word(u64::from(record.op.0) | (total as u64) << 8 | flags << 16 | how << 32);
        self.word(record.mm);
    }

    /// Adds the caller's PKRU, the last word of a record that takes it.
    fn end(&mut self, record: Head, results: usize) -> &mut Self {
        if let (true, Some(rights)) = (record.takes_pkru, self.pkru) {
            self.word(rights.into());
        }
        self.results += results;
        self
    }

    pub(crate) fn put(&mut self, record: Head, words: &[u64]) -> &mut Self {
        self.begin(record, words.len());
        for word in words {
            self.word(*word);
        }
        self.end(record, 1)
    }

    fn refuse(&mut self, what: &str, got: usize, most: usize) -> &mut Self {
        let text = format!("{what}: {got}, at most {most}");
        self.error.get_or_insert(Error::BadBlock(text));
        self
    }

    pub(crate) fn put_text(
        &mut self,
        mut record: Head,
        words: &[u64],
        most: usize,
        text: &[u8],
    ) -> &mut Self {
        if text.len() > most {
            return self.refuse("bytes of a text", text.len(), most);
        }
        record.flags = text.len() as u16;
        let padded = text.len().div_ceil(WORD_BYTES);
        self.begin(record, words.len() + padded);
        for word in words {
            self.word(*word);
        }
        self.raw.extend_from_slice(text);
        self.raw.resize(self.raw.len() + padded * WORD_BYTES - text.len(), 0);
        self.end(record, 1)
    }

    pub(crate) fn put_ranges(
        &mut self,
        mut record: Head,
        words: &[u64],
        most: usize,
        ranges: &[Range],
    ) -> &mut Self {
        if ranges.len() > most {
            return self.refuse("ranges", ranges.len(), most);
        }
        record.flags = ranges.len() as u16;
        self.begin(record, words.len() + 2 * ranges.len());
        for word in words {
            self.word(*word);
        }
        for one in ranges {
            self.word(one.addr);
            self.word(one.length);
        }
        self.end(record, 1)
    }

    /// Adds as many records as the addresses need.
    pub(crate) fn put_each(&mut self, record: Head, most: usize, addrs: &[u64]) -> &mut Self {
        let taken = usize::from(record.takes_pkru && self.pkru.is_some());
        for some in addrs.chunks(most - taken) {
            self.begin(record, some.len());
            for addr in some {
                self.word(*addr);
            }
            self.end(record, some.len());
        }
        self
    }
}

/// What came of one record, or of one address of a FAULTS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordResult {
    /// 0, an errno negated, a signal, or a [`Status`].
    pub status: i32,
    /// Says of a fault how it was done, of [`Status::LIMIT`] which [`Limit`] it is.
    pub info: u32,
    /// What the operation answers.
    pub value: u64,
}

impl RecordResult {
    /// Whether it succeeded.
    pub fn is_ok(&self) -> bool {
        self.status == 0
    }

    /// That of an emulated call that failed.
    pub fn errno(&self) -> Option<i32> {
        (-999..0).contains(&self.status).then(|| -self.status)
    }

    /// That of an access that failed.
    pub fn signal(&self) -> Option<i32> {
        (self.status > 0).then_some(self.status)
    }

    /// The `si_code` of the signal.
    pub fn code(&self) -> i32 {
        (self.info & CODE_MASK) as i32
    }

    /// The protection key that forbade the access, with `SEGV_PKUERR`.
    pub fn pkey(&self) -> Option<u32> {
        let mask = FAULT_INFO_PKEY.bits();
        let forbidden = self.status > 0 && self.code() == SEGV_PKUERR;
        forbidden.then(|| (self.info & mask) >> mask.trailing_zeros())
    }

    /// The flags of the message of a userfaultfd, if the access waits for one.
    pub fn user_fault(&self) -> Option<UffdPagefault> {
        let flags = [
            (FAULT_INFO_USER_WRITE, UFFD_PAGEFAULT_FLAG_WRITE),
            (FAULT_INFO_USER_WP, UFFD_PAGEFAULT_FLAG_WP),
            (FAULT_INFO_USER_MINOR, UFFD_PAGEFAULT_FLAG_MINOR),
        ];
        let mut found = UffdPagefault::default();
        for (bit, flag) in flags {
            if FaultInfo(self.info).contains(bit) {
                found |= flag;
            }
        }
        (Status(self.status) == Status::USERFAULT).then_some(found)
    }
}

/// The results of a block, in the order of its records.
///
/// ```
/// # fn shown(results: &vmalab_client::Results) {
/// for result in results {
///     println!("{} {:#x}", result.status, result.value);
/// }
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Results {
    raw: Vec<u8>,
}

impl Results {
    /// Reads what a block has answered. Fails with [`Error::BadBlock`].
    pub fn parse(raw: Vec<u8>) -> Result<Results, Error> {
        if !raw.len().is_multiple_of(RESULT_BYTES) {
            let text = format!("{} bytes of results: no multiple of {RESULT_BYTES}", raw.len());
            return Err(Error::BadBlock(text));
        }
        Ok(Results { raw })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.raw.len() / RESULT_BYTES
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// One by its place.
    pub fn get(&self, place: usize) -> Option<RecordResult> {
        let begin = place.checked_mul(RESULT_BYTES)?;
        let raw = self.raw.get(begin..begin.checked_add(RESULT_BYTES)?)?;
        Some(RecordResult {
            status: i32::from_le_bytes(raw[..4].try_into().ok()?),
            info: u32::from_le_bytes(raw[4..8].try_into().ok()?),
            value: u64::from_le_bytes(raw[8..].try_into().ok()?),
        })
    }

    /// A cursor over them, which begins before the first one.
    pub fn iter(&self) -> Cursor<'_> {
        Cursor { results: self, at: 0 }
    }
}

impl<'a> IntoIterator for &'a Results {
    type Item = RecordResult;
    type IntoIter = Cursor<'a>;

    fn into_iter(self) -> Cursor<'a> {
        self.iter()
    }
}

/// A cursor over the results of a block.
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    results: &'a Results,
    at: usize,
}

impl Iterator for Cursor<'_> {
    type Item = RecordResult;

    fn next(&mut self) -> Option<RecordResult> {
        let found = self.results.get(self.at)?;
        self.at += 1;
        Some(found)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.results.len() - self.at;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Cursor<'_> {}

impl Client {
    /// Executes a block. A record that fails is a result, and no error.
    pub async fn apply(&self, block: &BlockBuilder) -> Result<Results, Error> {
        self.apply_bytes(block.checked()?.to_vec()).await
    }

    /// Executes a block that was built otherwise.
    pub async fn apply_bytes(&self, block: Vec<u8>) -> Result<Results, Error> {
        let request = proto::ApplyRequest { block };
        let call = |c, r| async move { stubs::memory(c).apply(r).await };
        let answer = self.unary(request, call).await.map_err(of_block)?;
        Results::parse(answer.results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(raw: &[u8]) -> String {
        raw.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The example of docs/block-format.md, byte by byte.
    #[test]
    fn a_block_is_the_example_of_the_page() {
        let mut block = BlockBuilder::new();
        let (prot, flags) = (PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS);
        block.mmap(0x10001, 0x2000_0000, 4096, prot, flags, 0, 0, MMAP_FILE_READ_WRITE);
        block.fault_store(0x10001, 0x2000_0000, 42);
        let wanted = [
            "02070000000000000100010000000000000000200000000000100000000000000300000032000000",
            "00000000000000000000000000000000",
            "0104050000000000010001000000000000000020000000002a00000000000000",
        ];
        assert_eq!(hex(block.bytes()), wanted.concat());
        assert_eq!(block.results_count(), 2);
    }

    #[test]
    fn pkru_is_the_last_word_of_records_that_take_it() {
        let mut block = BlockBuilder::new();
        block.set_pkru(Some(PKRU_START)).munmap(1, 0, 4096);
        let plain = block.bytes().len();
        block.fault(1, 0, FAULT_READ);
        let record = &block.bytes()[plain..];
        assert_eq!((plain, record.len(), record[1], record[3]), (32, 32, 4, 0x80));
        assert_eq!(hex(&record[24..]), "5455555500000000");
    }

    #[test]
    fn faults_are_split_into_records() {
        let mut block = BlockBuilder::new();
        block.faults(1, &vec![0; FAULTS_MAX + 1], FAULT_READ);
        assert_eq!(block.results_count(), FAULTS_MAX + 1);
        assert_eq!(block.bytes().len(), WORD_BYTES * (2 * HEADER_WORDS + FAULTS_MAX + 1));
    }

    #[test]
    fn what_cannot_be_is_not_added() {
        let mut block = BlockBuilder::new();
        block.set_vma_name(1, 0, 4096, "x".repeat(NAME_BYTES_MAX + 1));
        assert!(matches!(block.error(), Some(Error::BadBlock(_))));
        assert!(block.checked().is_err() && block.bytes().is_empty());
        block.clear();
        block.set_vma_name(1, 0, 4096, "heap");
        assert!(block.error().is_none());
        assert_eq!(block.bytes().len(), 40);
    }

    #[test]
    fn results_are_read_with_a_cursor() {
        let rows: [[u8; 16]; 4] = [
            // a load under the VMA lock; EINVAL; SIGSEGV, SEGV_PKUERR, key 1; a userfaultfd
            [0, 0, 0, 0, 0, 1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0],
            [0xea, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [11, 0, 0, 0, 4, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            [0x13, 0xfc, 0xff, 0xff, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        let results = Results::parse(rows.concat()).unwrap();
        let mut cursor = results.iter();
        assert_eq!(cursor.len(), 4);
        let one = cursor.next().unwrap();
        assert!(one.is_ok() && one.value == 42 && FaultInfo(one.info) == FAULT_INFO_VMA_LOCK);
        let one = cursor.next().unwrap();
        assert_eq!((one.errno(), one.signal()), (Some(EINVAL), None));
        let one = cursor.next().unwrap();
        let found = (one.signal(), one.code(), one.pkey(), one.errno());
        assert_eq!(found, (Some(SIGSEGV), SEGV_PKUERR, Some(1), None));
        let one = cursor.next().unwrap();
        let flags = UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP;
        assert_eq!((one.user_fault(), one.pkey()), (Some(flags), None));
        assert!(cursor.next().is_none());
        let cut = Results::parse(rows.concat()[1..].to_vec());
        assert!(matches!(cut, Err(Error::BadBlock(_))));
    }
}
