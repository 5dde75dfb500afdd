// SPDX-License-Identifier: Apache-2.0
/*
 * Measures the client beside the bare echo of grpc++, as clients/bench/README.md says.
 *
 * usage: bench HOST:PORT ROUNDS
 */
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>

#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include <vmalab/vmalab.hpp>

#include "vmalab/v1/bench.grpc.pb.h"

namespace v1 = vmalab::v1;
using vmalab::PAGE_BYTES;

static constexpr std::uint64_t PAGES = 512;
static constexpr std::uint64_t FAULTS = 10000;
static constexpr std::uint64_t UNARY_CALLS = 500;
static constexpr std::uint64_t BLOCK_CALLS = 50;
static constexpr std::uint64_t FIRST_WORD = 100;
static constexpr std::size_t RESULT_BYTES = 16;

static void check(bool right, const std::string &wrong)
{
	if (!right)
		throw std::runtime_error(wrong);
}

/* What this process has used, of all its threads. */
static std::int64_t cpu_ns()
{
	struct rusage usage = {};
	check(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage fails");
	const auto ns = [](const struct timeval &time) {
		return std::int64_t{time.tv_sec} * 1000000000 + std::int64_t{time.tv_usec} * 1000;
	};
	return ns(usage.ru_utime) + ns(usage.ru_stime);
}

/* Does so many calls; what they cost, as JSON. */
static std::string cost(std::uint64_t calls, const std::function<void(std::uint64_t)> &call)
{
	const auto cpu = cpu_ns();
	const auto begin = std::chrono::steady_clock::now();
	for (std::uint64_t i = 0; i < calls; i++)
		call(i);
	const std::chrono::nanoseconds wall = std::chrono::steady_clock::now() - begin;
	std::ostringstream said;
	said << "{\"calls\": " << calls << ", \"wall_ns\": " << wall.count()
	     << ", \"cpu_ns\": " << cpu_ns() - cpu << "}";
	return said.str();
}

class Bench
{
public:
	explicit Bench(const std::string &target);
	~Bench();
	Bench(const Bench &) = delete;
	Bench &operator=(const Bench &) = delete;
	std::string round(bool echo_first);

private:
	void build();
	void unary_echo(std::uint64_t number);
	void unary_call(std::uint64_t page);
	void block_echo(std::uint64_t tag);
	void block_call();

	vmalab::Client client_;
	vmalab::AddressSpace space_;
	const std::uint64_t addr_;
	vmalab::Batch batch_;
	vmalab::BlockBuilder block_;
	std::uint64_t sum_ = 0;
	std::unique_ptr<v1::BenchService::Stub> echo_;
	grpc::ClientContext context_;
	std::unique_ptr<grpc::ClientReaderWriter<v1::EchoBlocksRequest, v1::EchoBlocksResponse>>
		blocks_;
	v1::EchoBlocksRequest request_;
};

Bench::Bench(const std::string &target)
	: client_(target), space_(client_.create()), addr_(space_.map(PAGES * PAGE_BYTES)),
	  batch_(client_.batch(1)),
	  echo_(v1::BenchService::NewStub(
		  grpc::CreateChannel(target, grpc::InsecureChannelCredentials()))),
	  blocks_(echo_->EchoBlocks(&context_))
{
	for (std::uint64_t page = 0; page < PAGES; page++)
		space_.store(addr_ + page * PAGE_BYTES, FIRST_WORD + page);
	for (std::uint64_t i = 0; i < FAULTS; i++)
		sum_ += FIRST_WORD + i % PAGES;
	build();
	request_.set_block(std::string(block_.bytes()));
}

Bench::~Bench()
{
	context_.TryCancel();
	blocks_->Finish();
}

void Bench::build()
{
	block_.clear();
	for (std::uint64_t i = 0; i < FAULTS; i++)
		block_.fault(space_.number(), addr_ + i % PAGES * PAGE_BYTES, vmalab::FAULT_READ);
}

std::string Bench::round(bool echo_first)
{
	const auto both = [&](std::uint64_t calls, const std::function<void(std::uint64_t)> &echo,
			      const std::function<void(std::uint64_t)> &call) {
		std::string first;
		if (echo_first)
			first = cost(calls, echo);
		const auto second = cost(calls, call);
		if (!echo_first)
			first = cost(calls, echo);
		return "{\"echo\": " + first + ", \"call\": " + second + "}";
	};
	const auto unary = both(
		UNARY_CALLS, [this](std::uint64_t i) { unary_echo(i); },
		[this](std::uint64_t i) { unary_call(i % PAGES); });
	const auto block = both(
		BLOCK_CALLS, [this](std::uint64_t i) { block_echo(i); },
		[this](std::uint64_t) { block_call(); });
	return "{\"unary\": " + unary + ", \"block\": " + block + "}";
}

void Bench::unary_echo(std::uint64_t number)
{
	v1::EchoRequest request;
	request.set_first(number);
	request.set_second(addr_);
	request.set_third(space_.number());
	v1::EchoResponse answer;
	grpc::ClientContext context;
	const auto status = echo_->Echo(&context, request, &answer);
	check(status.ok(), status.error_message());
	check(answer.first() == number, "a wrong echo");
}

void Bench::unary_call(std::uint64_t page)
{
	const auto word = space_.load(addr_ + page * PAGE_BYTES);
	if (word != FIRST_WORD + page)
		throw std::runtime_error("page " + std::to_string(page) + " has the word " +
					 std::to_string(word));
}

void Bench::block_echo(std::uint64_t tag)
{
	request_.set_tag(tag);
	v1::EchoBlocksResponse answer;
	check(blocks_->Write(request_) && blocks_->Read(&answer), "the echo has ended");
	check(answer.results().size() == FAULTS * RESULT_BYTES, "an echo of another length");
}

void Bench::block_call()
{
	build();
	batch_.send(block_);
	const vmalab::Results results = batch_.receive();
	std::uint64_t sum = 0;
	for (const vmalab::Result result : results) {
		if (!result.ok())
			throw std::runtime_error("a fault has the status " +
						 std::to_string(result.status));
		sum += result.value;
	}
	if (sum != sum_ || results.size() != FAULTS)
		throw std::runtime_error(std::to_string(results.size()) + " results with the sum " +
					 std::to_string(sum) + ", not " + std::to_string(sum_));
}

static void measure(const std::string &target, int rounds)
{
	Bench bench(target);
	std::string found;
	bench.round(true); /* warms up */
	for (int i = 1; i <= rounds; i++)
		found += (i > 1 ? ", " : "") + bench.round(i % 2 == 0);
	std::cout << "{\"runtime\": \"g++ " << __VERSION__ << ", grpc++ " << grpc::Version()
		  << "\", \"faults\": " << FAULTS << ", \"rounds\": [" << found << "]}\n";
}

int main(int count, char **arguments)
{
	const int rounds = count == 3 ? std::atoi(arguments[2]) : 0;
	if (rounds < 1) {
		std::cerr << "usage: bench HOST:PORT ROUNDS\n";
		return 2;
	}
	try {
		measure(arguments[1], rounds);
	} catch (const std::exception &error) {
		std::cerr << error.what() << "\n";
		return 1;
	}
	return 0;
}
