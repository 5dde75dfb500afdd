// SPDX-License-Identifier: Apache-2.0
/* A stream of blocks. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "vmalab/block.hpp"
#include "vmalab/options.hpp"

namespace vmalab
{

/** How many blocks a Batch has outstanding at most, unless it is told otherwise. */
inline constexpr std::size_t WINDOW_DEFAULT = 8;

/** What a block that was sent with failed_only answers. */
struct Failed {
	/** How many records were executed. */
	std::uint64_t executed;
	/** The places of those that failed. */
	std::vector<std::uint32_t> places;
	/** Theirs, in the same order. */
	Results results;
};

/**
 * A stream of blocks, for one thread. Keep several outstanding: that is what makes it fast. It can
 * be moved and not be copied; the end of its scope ends the stream.
 */
class Batch
{
public:
	Batch(Batch &&other) noexcept;
	/** Ends the stream that it was before. */
	Batch &operator=(Batch &&other) noexcept;
	~Batch();

	/** How many blocks were sent and not received yet. */
	std::size_t outstanding() const noexcept;
	/** Whether an answer must be received before the next block is sent. */
	bool full() const noexcept;
	/** Sends a block. Throws WindowError when the window is full, Closed after close. */
	void send(const BlockBuilder &block);
	/** Sends a block that was built otherwise. failed_only: receive_failed gives what failed of
	 *  it, which makes a stream twice as fast; values do not come back.
	 */
	void send_bytes(std::string_view block, bool failed_only = false);
	/** The results of the oldest block that is outstanding. */
	Results receive();
	/** What failed of the oldest block, which was sent with failed_only. */
	Failed receive_failed();
	/** Ends the stream. Answers that were not received are given up. */
	void close() noexcept;

private:
	friend class Client;
	struct Stream;
	explicit Batch(std::unique_ptr<Stream> stream) noexcept;
	Stream &open() const;

	std::unique_ptr<Stream> stream_;
};

} // namespace vmalab
