// SPDX-License-Identifier: Apache-2.0
/* Steps: what is done with each, and the clients of a case. */
#include "running.hpp"

#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "version.hpp"

namespace conformance
{

using Guard = std::lock_guard<std::recursive_mutex>;

void until(const std::string &what, const std::function<bool()> &there)
{
	const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
	while (!there()) {
		if (std::chrono::steady_clock::now() > deadline)
			throw Mismatch(what + " did not come");
		std::this_thread::sleep_for(std::chrono::milliseconds(20));
	}
}

std::string Running::run(const json &steps)
{
	std::string wrong;
	std::size_t at = 0;
	try {
		for (const auto &one : steps) {
			at++;
			step(one);
		}
	} catch (const std::exception &error) {
		wrong = "step " + std::to_string(at) + " (" + text(steps[at - 1], "do") +
			"): " + error.what();
	}
	end();
	return wrong;
}

void Running::end()
{
	const auto c = clients_.find("c");
	if (name_ == "lab" && c != clients_.end()) {
		try {
			vmalab::v1::ReleasePointRequest all;
			all.set_disarm(true);
			c->second->lab().release_point(all);
			c->second->lab().set_mutants();
		} catch (const vmalab::Error &) {
			/* The case closed it, or ended for that. */
		}
	}
	for (const auto &[name, task] : tasks_)
		task.token.cancel();
	tasks_.clear();
	made_.clear();
	clients_.clear();
}

void Running::step(const json &step)
{
	const auto what = text(step, "do");
	if (step.contains("task") && what != "join" && what != "cancel") {
		auto &task = tasks_[text(step, "task")];
		const auto options = Options::cancelled_by(task.token);
		task.answer = std::async(std::launch::async,
					 [this, &step, options] { return do_step(step, options); });
		return;
	}
	Answer got;
	const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
	for (;;) {
		try {
			got = do_step(step, {});
			break;
		} catch (const vmalab::Unavailable &error) {
			if (!is(step, "patient", true) ||
			    std::chrono::steady_clock::now() > deadline)
				return judge_failure(step, error, variables_);
		} catch (const vmalab::Error &error) {
			return judge_failure(step, error, variables_);
		}
		std::this_thread::sleep_for(std::chrono::milliseconds(50));
	}
	judge(step, got, variables_);
	if (what == "block" || what == "raw_block")
		judge_block(step, got, variables_);
	if (!step.contains("as"))
		return;
	const bool of_field = step.contains("field");
	const auto value = of_field ? number(got.fields, text(step, "field").c_str()) : got.value;
	variables_.set(text(step, "as"), value);
}

Answer Running::do_step(const json &step, const Options &options)
{
	for (const auto group :
	     {&Running::do_call, &Running::do_connection, &Running::do_space, &Running::do_memory,
	      &Running::do_file, &Running::do_wait, &Running::do_task, &Running::do_inspection,
	      &Running::do_lab, &Running::do_mutants, &Running::do_block})
		if (auto got = (this->*group)(step, options))
			return std::move(*got);
	throw Mismatch("this client does not know the step " + text(step, "do"));
}

std::string Running::client_name(const json &step)
{
	const Guard guard(mutex_);
	const auto found = spaces_.find(text(step, "mm"));
	if (found != spaces_.end() && text(step, "do") != "use")
		return found->second->client;
	return text(step, "client", "c");
}

vmalab::Client &Running::client(const json &step)
{
	const Guard guard(mutex_);
	const auto name = client_name(step);
	const auto found = clients_.find(name);
	return found == clients_.end() ? connect({{"as", name}}) : *found->second;
}

std::string Running::text_of_file(const json &path) const
{
	std::ifstream file(text_of(path));
	std::ostringstream text;
	text << file.rdbuf();
	if (!file)
		throw Mismatch("cannot read " + text_of(path));
	return text.str();
}

vmalab::Options Running::options_of(const json &step, bool discover)
{
	vmalab::Options made;
	made.timeout = std::chrono::seconds(300);
	if (step.contains("timeout_ms"))
		made.timeout = std::chrono::milliseconds(number(step["timeout_ms"]));
	made.token = text_of(profile_["tokens"][text(step, "token", text_of(profile_["token"]))]);
	made.discover = discover && !is(step, "discover", false);
	std::string tls = profile_["tls"].get<bool>() ? "root" : "none";
	std::string pair = text_of(profile_["pair"]);
	if (step.contains("tls")) {
		tls = text(step, "tls");
		pair = "none";
	}
	if (profile_["pairs"].contains(tls))
		pair = std::exchange(tls, "root");
	if (tls != "none")
		made.root_certificates = text_of_file(profile_["certificates"][tls]);
	if (pair != "none") {
		const auto &files = profile_["pairs"][pair];
		made.client_certificate = vmalab::KeyPair{text_of_file(files[0]),
							  text_of_file(files[1])};
	}
	return made;
}

vmalab::Client &Running::connect(const json &step)
{
	const auto to = text(step, "to", "shared");
	std::vector<std::string> targets{text(step, "target", text_of(profile_["target"]))};
	bool discover = true;
	if (to.rfind("worker ", 0) == 0) {
		targets = {text_of(profile_["workers"][std::stoul(to.substr(7))])};
		discover = false;
	} else if (to == "workers") {
		targets = profile_["workers"].get<std::vector<std::string>>();
	} else if (to == "unix") {
		targets = profile_["unix"].get<std::vector<std::string>>();
	} else if (to == "nobody") {
		targets = {"127.0.0.1:1"};
	}
	auto made = vmalab::Client::all(std::move(targets), options_of(step, discover));
	const Guard guard(mutex_);
	auto &place = clients_[text(step, "as")];
	place = std::make_unique<vmalab::Client>(std::move(made));
	return *place;
}

Answer Running::handshake(const json &step)
{
	auto &version = vmalab::internal::client_version();
	const std::string mine = version;
	version = text(step, "version", mine);
	Answer got;
	vmalab::Options options;
	options.warn = [&](const std::string &) { got.value++; };
	try {
		vmalab::Client client(text_of(profile_["target"]), options);
		client.inspect().get_vmstat();
		client.inspect().get_vmstat();
	} catch (...) {
		version = mine;
		throw;
	}
	version = mine;
	return got;
}

Answer Running::distinct_workers(const json &step)
{
	auto &asked = client(step);
	std::set<std::uint32_t> seen;
	until("an answer of each worker", [&] {
		try {
			seen.insert(asked.inspect().get_server_info().worker_index());
		} catch (const vmalab::ServiceError &) {
			return false;
		}
		return seen.size() >= number(step, "value");
	});
	Answer got;
	got.value = seen.size();
	return got;
}

Answer Running::kill_worker(const json &step)
{
	std::cout << "# runner: kill " << name_ << " " << text(step, "worker") << std::endl;
	std::string line;
	if (!std::getline(std::cin, line) || line != "done")
		throw Mismatch("the runner could not kill a worker");
	return {};
}

Running::Found Running::do_connection(const json &step, const Options &)
{
	const auto what = text(step, "do");
	if (what == "connect") {
		connect(step);
		return Answer();
	}
	if (what == "close") {
		client(step).close();
		return Answer();
	}
	if (what == "handshake")
		return handshake(step);
	if (what == "distinct_workers")
		return distinct_workers(step);
	if (what == "kill_worker")
		return kill_worker(step);
	return std::nullopt;
}

} // namespace conformance
