// SPDX-License-Identifier: Apache-2.0
/* Calls on an address space by the names of their methods. */
#include <string>
#include <utility>

#include "names_gen.hpp"
#include "running.hpp"

namespace conformance
{

namespace
{

/* The arguments of a call as a step has them; nothing is 0. */
class Given
{
public:
	Given(const Running &running, const json &step, const vmalab::CallOptions &options)
		: running_(running), step_(step), options_(options)
	{
	}

	std::uint64_t u64(const char *name) const { return running_.number(step_, name); }
	std::uint32_t u32(const char *name) const { return static_cast<std::uint32_t>(u64(name)); }
	std::int32_t s32(const char *name) const { return static_cast<std::int32_t>(u64(name)); }
	bool flag(const char *name) const { return u64(name) != 0; }
	std::string text(const char *name) const { return conformance::text(step_, name); }
	const vmalab::CallOptions &options() const { return options_; }

	void keep(std::uint64_t value) { answer.value = value; }
	/* A byte for each page, whose lowest bit says that it is resident. */
	void keep(const std::string &vector)
	{
		for (const char page : vector)
			answer.text += page & 1 ? '1' : '0';
	}

	Answer answer;

private:
	const Running &running_;
	const json &step_;
	const vmalab::CallOptions &options_;
};

} // namespace

Running::Found Running::do_call(const json &step, const Options &options)
{
	const auto name = text(step, "do");
	std::unique_lock<std::recursive_mutex> guard(mutex_);
	if (spaces_.find(text(step, "mm")) == spaces_.end())
		return std::nullopt;
	guard.unlock();
	Given given(*this, step, options);
	if (!call(space(step), name, given))
		return std::nullopt;
	return std::move(given.answer);
}

} // namespace conformance
