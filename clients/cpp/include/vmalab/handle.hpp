// SPDX-License-Identifier: Apache-2.0
/* What AddressSpace is made of: its number, its connection, and PKRU of its thread. */
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "vmalab/options.hpp"

namespace vmalab
{

/** An address space as one thread of it sees it. It can be moved and not be copied. */
class Handle
{
public:
	/** What other clients and blocks name it by. */
	std::uint64_t number() const noexcept { return number_; }

	/** What this thread has in PKRU. Nothing: as the address space has it. */
	std::optional<std::uint32_t> pkru() const noexcept
	{
		const std::uint64_t both = rights_.load();
		if (!(both & PRESENT))
			return std::nullopt;
		return static_cast<std::uint32_t>(both);
	}

	/** Says what this thread has in PKRU from now on. A new program begins with PKRU_START. */
	void set_pkru(std::optional<std::uint32_t> rights) noexcept
	{
		rights_.store(rights ? PRESENT | *rights : 0);
	}

protected:
	Handle(std::shared_ptr<internal::Connection> connection, std::uint64_t number) noexcept;
	Handle(Handle &&other) noexcept;
	Handle &operator=(Handle &&other) noexcept;
	~Handle() = default;

	/** Throws Closed if it was moved from. */
	const std::shared_ptr<internal::Connection> &connection() const;
	/** Whether it was moved from. */
	bool gone() const noexcept { return !connection_; }

private:
	static constexpr std::uint64_t PRESENT = std::uint64_t{1} << 32;

	std::shared_ptr<internal::Connection> connection_;
	std::uint64_t number_;
	std::atomic<std::uint64_t> rights_{0};
};

} // namespace vmalab
