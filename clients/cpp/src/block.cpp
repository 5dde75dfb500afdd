// SPDX-License-Identifier: Apache-2.0
/*
 * Blocks as bytes: docs/block-format.md. A word is written byte by byte, little-endian on every
 * machine; a compiler makes one store of it where it can.
 */
#include "vmalab/block.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "vmalab/errors.hpp"

namespace vmalab
{

namespace
{

constexpr std::size_t WORD_BYTES = 8;
constexpr std::size_t HEADER_WORDS = 2;

char *put_word(char *at, std::uint64_t word)
{
	for (unsigned i = 0; i < WORD_BYTES; i++)
		at[i] = static_cast<char>(word >> 8 * i);
	return at + WORD_BYTES;
}

std::uint64_t get_word(const char *at)
{
	std::uint64_t word = 0;
	for (unsigned i = 0; i < WORD_BYTES; i++)
		word |= std::uint64_t{static_cast<unsigned char>(at[i])} << 8 * i;
	return word;
}

/* The lowest bit of a mask that has one. */
constexpr std::uint32_t lowest(std::uint32_t mask)
{
	return mask & (~mask + 1);
}

[[noreturn]] void refuse(const char *what, std::size_t got, std::size_t most)
{
	throw BadBlock(std::string(what) + ": " + std::to_string(got) + ", at most " +
		       std::to_string(most));
}

} // namespace

/* Begins a record of so many words behind its header; where they go. */
char *Records::room(const Head &head, std::size_t words)
{
	const bool extra = head.takes_pkru && pkru;
	const std::size_t total = HEADER_WORDS + words + extra;
	const std::size_t before = raw_.size();
	raw_.resize(before + total * WORD_BYTES);
	const auto flags = static_cast<std::uint64_t>(head.flags | (extra ? RECORD_PKRU : 0u));
	char *at = &raw_[before];
	at = put_word(at, static_cast<std::uint64_t>(head.op) | total << 8 | flags << 16 |
				  std::uint64_t{head.how} << 32);
	return put_word(at, head.mm);
}

/* Adds the caller's PKRU, the last word of a record that takes it. */
void Records::end(const Head &head, char *at, std::size_t results)
{
	if (head.takes_pkru && pkru)
		put_word(at, *pkru);
	results_ += results;
}

void Records::put(const Head &head, std::initializer_list<std::uint64_t> words)
{
	char *at = room(head, words.size());
	for (const auto word : words)
		at = put_word(at, word);
	end(head, at, 1);
}

void Records::put_text(Head head, std::size_t most, std::string_view text,
		       std::initializer_list<std::uint64_t> words)
{
	if (text.size() > most)
		refuse("bytes of a text", text.size(), most);
	const std::size_t padded = (text.size() + WORD_BYTES - 1) / WORD_BYTES;
	head.flags = static_cast<std::uint16_t>(text.size());
	char *at = room(head, words.size() + padded);
	for (const auto word : words)
		at = put_word(at, word);
	if (!text.empty())
		std::memcpy(at, text.data(), text.size());
	end(head, at + padded * WORD_BYTES, 1);
}

void Records::put_ranges(Head head, std::size_t most, const std::vector<Range> &ranges,
			 std::initializer_list<std::uint64_t> words)
{
	if (ranges.size() > most)
		refuse("ranges", ranges.size(), most);
	head.flags = static_cast<std::uint16_t>(ranges.size());
	char *at = room(head, words.size() + 2 * ranges.size());
	for (const auto word : words)
		at = put_word(at, word);
	for (const auto &one : ranges)
		at = put_word(put_word(at, one.addr), one.length);
	end(head, at, 1);
}

void Records::put_each(const Head &head, std::size_t most, const std::vector<std::uint64_t> &addrs)
{
	if (head.takes_pkru && pkru)
		most--;
	for (std::size_t first = 0; first < addrs.size(); first += most) {
		const std::size_t count = std::min(most, addrs.size() - first);
		char *at = room(head, count);
		for (std::size_t i = first; i < first + count; i++)
			at = put_word(at, addrs[i]);
		end(head, at, count);
	}
}

std::optional<std::uint32_t> Result::pkey() const noexcept
{
	if (status <= 0 || si_code() != SEGV_PKUERR)
		return std::nullopt;
	return (info & FAULT_INFO_PKEY) / lowest(FAULT_INFO_PKEY);
}

std::optional<std::uint32_t> Result::userfault() const noexcept
{
	if (!is(Status::Userfault))
		return std::nullopt;
	constexpr std::uint32_t all = UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP |
				      UFFD_PAGEFAULT_FLAG_MINOR;
	return info / FAULT_INFO_USER_WRITE & all;
}

Results::Results(std::string raw) : raw_(std::move(raw))
{
	if (raw_.size() % BYTES)
		throw BadBlock(std::to_string(raw_.size()) + " bytes of results: no multiple of " +
			       std::to_string(BYTES));
}

Result Results::read(const char *at) noexcept
{
	const std::uint64_t first = get_word(at);
	return {static_cast<std::int32_t>(static_cast<std::uint32_t>(first)),
		static_cast<std::uint32_t>(first >> 32), get_word(at + WORD_BYTES)};
}

} // namespace vmalab
