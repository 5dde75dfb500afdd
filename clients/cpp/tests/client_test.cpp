// SPDX-License-Identifier: Apache-2.0
/* Targets, secrets, errors, versions. */
#include <chrono>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>

#include <vmalab/vmalab.hpp>

#include "connection.hpp"
#include "secrets.hpp"
#include "target.hpp"
#include "version.hpp"
#include "vmalab/v1/errors.pb.h"

namespace internal = vmalab::internal;

TEST(Targets, AreHostAndPortOrAPath)
{
	for (const char *good : {"127.0.0.1:7420", "[::1]:7420", "example.org:1", "unix:/run/a"})
		EXPECT_NO_THROW(internal::check_target(good)) << good;
	for (const char *bad : {"", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", ":7420",
				"unix:", "a b:1", "http://a:1", "::1:7420", "[::1:7420", "a:+1",
				"a,b:1", "a\n:1", "[localhost]:1", "[127.0.0.1]:1"})
		EXPECT_THROW(internal::check_target(bad), vmalab::BadTarget) << bad;
}

TEST(Targets, OfOneKindGoTogether)
{
	EXPECT_EQ(internal::joined({"127.0.0.1:1"}), "ipv4:127.0.0.1:1");
	EXPECT_EQ(internal::joined({"127.0.0.1:1", "127.0.0.1:2"}), "ipv4:127.0.0.1:1,127.0.0.1:2");
	EXPECT_EQ(internal::joined({"[::1]:1"}), "ipv6:%5B::1%5D:1");
	EXPECT_EQ(internal::joined({"example.org:1"}), "dns:///example.org:1");
	EXPECT_EQ(internal::joined({"unix:/a b", "unix:/c"}), "unix:/a%20b,/c");
	EXPECT_THROW(internal::joined({"127.0.0.1:1", "[::1]:1"}), vmalab::BadTarget);
	EXPECT_THROW(internal::joined({"127.0.0.1:1", "unix:/a"}), vmalab::BadTarget);
	EXPECT_THROW(internal::joined({"unix:/a", "127.0.0.1:1"}), vmalab::BadTarget);
	EXPECT_THROW(internal::joined({"unix:/a,b"}), vmalab::BadTarget);
}

TEST(Token, StaysOnThisMachineOrGoesOverTls)
{
	vmalab::Options options;
	options.token = "secret";
	for (const char *good : {"127.0.0.1:1", "[::1]:1", "localhost:1", "unix:/a"})
		EXPECT_NO_THROW(internal::credentials(options, {good})) << good;
	for (const char *bad : {"192.0.2.1:1", "127.example.org:1", "[2001:db8::1]:1"})
		EXPECT_THROW(internal::credentials(options, {bad}), vmalab::BadToken) << bad;
	EXPECT_THROW(internal::credentials(options, {"127.0.0.1:1", "192.0.2.1:1"}),
		     vmalab::BadToken);
	for (const char *odd : {"two\nlines", "secr\xc3\xa9t", "tab\t"}) {
		options.token = odd;
		EXPECT_THROW(internal::credentials(options, {"127.0.0.1:1"}), vmalab::BadToken);
	}
}

TEST(Certificates, AreLookedAt)
{
	const std::string begin = "-----BEGIN CERTIFICATE-----\n",
			  end = "-----END CERTIFICATE-----\n";
	vmalab::Options options;
	for (const auto &bad : {std::string("none"), begin, begin + "no base64\n" + end,
				begin + "AAAA\n" + end, begin + end}) {
		options.root_certificates = bad;
		EXPECT_THROW(internal::credentials(options, {"a:1"}), vmalab::BadCertificate)
			<< bad;
	}
	options.root_certificates = begin + "MIIB\n" + end;
	EXPECT_NO_THROW(internal::credentials(options, {"a:1"}));
	options.client_certificate = vmalab::KeyPair{begin + "MIIB\n" + end, "no key"};
	EXPECT_THROW(internal::credentials(options, {"a:1"}), vmalab::BadCertificate);
	options.root_certificates.reset();
	EXPECT_THROW(internal::credentials(options, {"a:1"}), vmalab::BadCertificate);
}

static grpc::Status refused(grpc::StatusCode code, const std::string &reason)
{
	vmalab::v1::ErrorInfo info;
	info.set_reason(reason);
	info.set_domain("vmalab");
	(*info.mutable_metadata())["mm"] = "7";
	vmalab::v1::ErrorStatus details;
	auto *detail = details.add_details();
	detail->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
	detail->set_value(info.SerializeAsString());
	return {code, "gone", details.SerializeAsString()};
}

TEST(Errors, HaveWhatErrorInfoSays)
{
	try {
		internal::raise(refused(grpc::StatusCode::NOT_FOUND, "NO_SUCH_MM"));
		FAIL() << "nothing was thrown";
	} catch (const vmalab::NoSuchAddressSpace &error) {
		EXPECT_EQ(error.reason(), vmalab::reason::NoSuchMm);
		EXPECT_EQ(error.metadata().at("mm"), "7");
		EXPECT_EQ(error.code(), grpc::StatusCode::NOT_FOUND);
		EXPECT_STREQ(error.what(), "vmalab: NO_SUCH_MM: gone");
	}
}

TEST(Errors, AreOfTheirKinds)
{
	try {
		internal::raise(refused(grpc::StatusCode::NOT_FOUND, "NO_SUCH_SERVICE"));
		FAIL() << "nothing was thrown";
	} catch (const vmalab::NoSuchAddressSpace &) {
		FAIL() << "a NOT_FOUND of another reason is no missing address space";
	} catch (const vmalab::ServiceError &error) {
		EXPECT_EQ(error.reason(), vmalab::reason::NoSuchService);
	}
	EXPECT_NO_THROW(internal::raise(grpc::Status::OK));
	EXPECT_THROW(internal::raise({grpc::StatusCode::UNAVAILABLE, ""}), vmalab::Unavailable);
	EXPECT_THROW(internal::raise({grpc::StatusCode::CANCELLED, ""}), vmalab::Cancelled);
	EXPECT_THROW(internal::raise({grpc::StatusCode::DEADLINE_EXCEEDED, ""}),
		     vmalab::DeadlineExceeded);
	EXPECT_THROW(internal::raise({grpc::StatusCode::INTERNAL, "", "no details"}),
		     vmalab::ServiceError);
	EXPECT_NO_THROW(internal::check("mmap", 0));
	try {
		internal::check("uffd_copy", EAGAIN, 4096);
		FAIL() << "nothing was thrown";
	} catch (const vmalab::CallError &error) {
		EXPECT_EQ(error.code(), std::errc::resource_unavailable_try_again);
		EXPECT_EQ(error.value(), 4096u);
	}
}

TEST(Handshake, ComplainsOfWhatIsTooOld)
{
	struct Case {
		std::string server, oldest, mine, said;
	};
	for (const auto &one : {Case{"1.2.0", "0.9", "0.9.0", ""}, Case{"1.2.0", "0.9", "0.10", ""},
				Case{"1.2.0", "0.9", "0.8.9", "this client is 0.8.9"},
				Case{"0.0.9", "", "1.0", "run a newer one"},
				Case{"0", "", "0.1.0", ""}, Case{"", "", "0.1.0", ""}}) {
		vmalab::v1::GetServerInfoResponse info;
		info.set_version(one.server);
		info.set_oldest_client(one.oldest);
		const auto got = internal::complaint(info, one.mine);
		EXPECT_EQ(got.empty(), one.said.empty()) << got;
		EXPECT_NE(got.find(one.said), std::string::npos) << got;
	}
}

TEST(Times, AreNeverTheDefaultByRounding)
{
	using namespace std::chrono_literals;
	EXPECT_EQ(internal::milliseconds(0ns), 0u);
	EXPECT_EQ(internal::milliseconds(1ns), 1u);
	EXPECT_EQ(internal::milliseconds(1ms), 1u);
	EXPECT_EQ(internal::milliseconds(std::chrono::nanoseconds::max()), UINT32_MAX);
}

TEST(Times, BelowZeroAreRefused)
{
	using namespace std::chrono_literals;
	EXPECT_THROW(internal::milliseconds(-1ns), vmalab::BadTime);
	vmalab::Options options;
	options.timeout = -1s;
	EXPECT_THROW(vmalab::Client("127.0.0.1:1", options), vmalab::BadTime);
	options.timeout = 30s;
	options.discover = false;
	vmalab::Client client("127.0.0.1:1", options);
	const auto odd = vmalab::CallOptions::within(-1s);
	EXPECT_THROW(client.memory().exit({}, odd), vmalab::BadTime);
	EXPECT_THROW(client.batch(1, odd), vmalab::BadTime);
	EXPECT_THROW(client.wait_lease(1, -1s), vmalab::BadTime);
}

TEST(Errors, OfABlockThatNoMessageHoldsHaveAReason)
{
	const grpc::Status refused(grpc::StatusCode::RESOURCE_EXHAUSTED,
				   "SERVER: Received message larger than max (9 vs. 8)");
	try {
		internal::raise(internal::of_block(refused));
		FAIL() << "nothing was thrown";
	} catch (const vmalab::InvalidRequest &error) {
		EXPECT_EQ(error.reason(), vmalab::reason::BlockTooBig);
		EXPECT_EQ(error.metadata().at("limit"), "message_bytes_max");
	}
	const grpc::Status other(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls");
	EXPECT_THROW(internal::raise(internal::of_block(other)), vmalab::LimitReached);
}

TEST(Handles, AreMovedAndNotCopied)
{
	EXPECT_FALSE(std::is_copy_constructible_v<vmalab::AddressSpace>);
	EXPECT_FALSE(std::is_copy_constructible_v<vmalab::Client>);
	EXPECT_FALSE(std::is_copy_constructible_v<vmalab::Batch>);
	EXPECT_TRUE(std::is_nothrow_move_constructible_v<vmalab::AddressSpace>);
	EXPECT_TRUE(std::is_nothrow_move_assignable_v<vmalab::Client>);
}

TEST(Client, SaysThatNobodyIsThere)
{
	EXPECT_THROW(vmalab::Client("127.0.0.1:1"), vmalab::Unavailable);
}

TEST(Client, ThatIsClosedSendsNothing)
{
	vmalab::Options options;
	options.discover = false;
	vmalab::Client client("127.0.0.1:1", options);
	auto space = client.use_without_lease(1);
	auto moved = std::move(space);
	EXPECT_THROW(space.maps(), vmalab::Closed);
	client.close();
	EXPECT_THROW(moved.maps(), vmalab::Closed);
	EXPECT_THROW(client.batch(), vmalab::Closed);
}

TEST(Token, OfACancelledSetCancelsWhatBeginsLater)
{
	vmalab::Options options;
	options.discover = false;
	vmalab::Client client("127.0.0.1:1", options);
	const vmalab::CancelToken token;
	token.cancel();
	EXPECT_TRUE(token.cancelled());
	const auto cancelled = vmalab::CallOptions::cancelled_by(token);
	EXPECT_THROW(client.memory().exit({}, cancelled), vmalab::Cancelled);
}
