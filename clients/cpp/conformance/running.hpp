// SPDX-License-Identifier: Apache-2.0
/* A case under way. */
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <vmalab/vmalab.hpp>

#include "expected.hpp"
#include "values.hpp"

namespace conformance
{

/** What does not come in so long never comes. */
inline constexpr std::chrono::minutes PATIENCE{10};

class Running
{
public:
	/** profile: what the runner says of the server; name: the name of the profile. */
	Running(const json &profile, std::string name) : profile_(profile), name_(std::move(name))
	{
	}
	/** Does all steps; what went wrong, empty: nothing. */
	std::string run(const json &steps);

	std::uint64_t number(const json &given) const
	{
		return conformance::number(given, variables_);
	}
	std::uint64_t number(const json &step, const char *name) const
	{
		return number(member(step, name));
	}
	/** Addresses and lengths: a list of pairs, or count pages from an address on. */
	std::vector<vmalab::Range> ranges(const json &given) const;

private:
	using Options = vmalab::CallOptions;
	using Found = std::optional<Answer>;

	struct Space {
		std::string client;
		vmalab::AddressSpace one;
	};
	struct Task {
		vmalab::CancelToken token;
		std::future<Answer> answer;
	};

	void step(const json &step);
	void end();
	vmalab::Client &client(const json &step);
	vmalab::Client &connect(const json &step);
	std::string client_name(const json &step);
	vmalab::AddressSpace &space(const json &step);
	Answer keep(const json &step, vmalab::AddressSpace one);
	std::string text_of_file(const json &path) const;
	vmalab::Options options_of(const json &step, bool discover);
	vmalab::SpaceOptions space_options(const json &step);

	Answer do_step(const json &step, const Options &options);
	Found do_call(const json &step, const Options &options);
	Found do_connection(const json &step, const Options &options);
	Found do_space(const json &step, const Options &options);
	Found do_memory(const json &step, const Options &options);
	Found do_file(const json &step, const Options &options);
	Found do_wait(const json &step, const Options &options);
	Found do_task(const json &step, const Options &options);
	Found do_inspection(const json &step, const Options &options);
	Found do_lab(const json &step, const Options &options);
	Found do_mutants(const json &step, const Options &options);
	Found do_block(const json &step, const Options &options);

	Answer handshake(const json &step);
	Answer distinct_workers(const json &step);
	Answer kill_worker(const json &step);
	Answer until_refused(const json &step);
	Answer address_space(const json &step);
	std::string block_of(const json &step);

	const json &profile_;
	const std::string name_;
	Variables variables_;
	/* Guards what follows: tasks look there too. */
	std::recursive_mutex mutex_;
	std::map<std::string, std::unique_ptr<vmalab::Client>> clients_;
	std::vector<std::unique_ptr<Space>> made_;
	std::map<std::string, Space *> spaces_;
	std::map<std::string, Task> tasks_;
};

/** Asks again and again whether something is there. Throws Mismatch. */
void until(const std::string &what, const std::function<bool()> &there);

} // namespace conformance
