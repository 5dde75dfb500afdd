// SPDX-License-Identifier: Apache-2.0
/* Blocks of operations, and their results. BlockBuilder is in the generated part. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "vmalab/block_gen.hpp"
#include "vmalab/constants_gen.hpp"

namespace vmalab
{

/** What came of one record, or of one address of a FAULTS. */
struct Result {
	/** 0, an errno negated, a signal, or a Status. */
	std::int32_t status;
	/** Of a fault how it was done (FAULT_INFO_*); of Status::Limit which Limit it is. */
	std::uint32_t info;
	/** What the operation answers. */
	std::uint64_t value;

	/** Whether it succeeded. */
	bool ok() const noexcept { return status == 0; }
	/** Whether it is this status. */
	bool is(Status one) const noexcept { return status == static_cast<std::int32_t>(one); }
	/** That of an emulated call that failed; else 0. */
	int error_number() const noexcept { return status < 0 && status > -1000 ? -status : 0; }
	/** That of an access that failed; else 0. */
	int signal() const noexcept { return status > 0 ? status : 0; }
	/** The si_code of the signal. */
	int si_code() const noexcept { return static_cast<int>(info & 0xffu); }
	/** The protection key that forbade the access, with SEGV_PKUERR. */
	std::optional<std::uint32_t> pkey() const noexcept;
	/** UFFD_PAGEFAULT_FLAG_* of the message of a userfaultfd, if the access waits for one. */
	std::optional<std::uint32_t> userfault() const noexcept;
};

/**
 * The results of a block, in the order of its records.
 *
 *	for (const vmalab::Result result : results)
 *		use(result);
 */
class Results
{
public:
	/** A cursor over results. */
	class Cursor
	{
	public:
		using iterator_category = std::input_iterator_tag;
		using value_type = Result;
		using difference_type = std::ptrdiff_t;
		using pointer = const Result *;
		using reference = Result;

		/** Before the bytes of a result. */
		explicit Cursor(const char *at) noexcept : at_(at) {}
		/** The result that it is at. */
		Result operator*() const noexcept { return read(at_); }
		/** Moves to the next one. */
		Cursor &operator++() noexcept
		{
			at_ += BYTES;
			return *this;
		}
		/** Moves to the next one; the cursor as it was. */
		Cursor operator++(int) noexcept
		{
			const Cursor before = *this;
			++*this;
			return before;
		}
		/** Whether it is at the same place. */
		bool operator==(const Cursor &other) const noexcept { return at_ == other.at_; }
		/** Whether it is at another place. */
		bool operator!=(const Cursor &other) const noexcept { return at_ != other.at_; }

	private:
		const char *at_;
	};

	/** What a block has answered. Throws BadBlock if it is no multiple of 16 bytes. */
	explicit Results(std::string raw);

	/** How many there are. */
	std::size_t size() const noexcept { return raw_.size() / BYTES; }
	/** Whether there is none. */
	bool empty() const noexcept { return raw_.empty(); }
	/** One by its place, which is less than size. */
	Result operator[](std::size_t place) const noexcept
	{
		return read(raw_.data() + place * BYTES);
	}
	/** A cursor at the first one. */
	Cursor begin() const noexcept { return Cursor(raw_.data()); }
	/** A cursor behind the last one. */
	Cursor end() const noexcept { return Cursor(raw_.data() + raw_.size()); }
	/** The bytes. */
	const std::string &bytes() const noexcept { return raw_; }

private:
	static constexpr std::size_t BYTES = 16;
	static Result read(const char *at) noexcept
	{
		const std::uint64_t first = internal::get_word(at);
		return {static_cast<std::int32_t>(static_cast<std::uint32_t>(first)),
			static_cast<std::uint32_t>(first >> 32),
			internal::get_word(at + internal::WORD_BYTES)};
	}

	std::string raw_;
};

} // namespace vmalab
