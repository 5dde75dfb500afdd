// SPDX-License-Identifier: Apache-2.0
/* How a client connects, and what a call may be told. */
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace vmalab
{

namespace internal
{
class Cancellation;
class Connection;
} // namespace internal

/** Bounds a call that is given no time. */
inline constexpr std::chrono::seconds TIMEOUT_DEFAULT{30};

/** What a message may have on this side; the server has limits of its own. */
inline constexpr int MESSAGE_BYTES_MAX = 64 << 20;

/** A certificate and its key, both as PEM. */
struct KeyPair {
	std::string certificate;
	std::string key;
};

/** How a client connects. */
struct Options {
	/** Sent with each call: over TLS, or to an address of this machine. Empty: none. */
	std::string token;
	/** Connects with TLS, to a server whose certificate one of these (PEM) has signed. */
	std::optional<std::string> root_certificates;
	/** Shown to a server that wants to know its clients by their certificates
	 *  (vmalab serve --tls-client-ca). It goes with root_certificates.
	 */
	std::optional<KeyPair> client_certificate;
	/** Bounds each unary call that is given no time; 0: nothing does. */
	std::chrono::nanoseconds timeout = TIMEOUT_DEFAULT;
	/** false: the targets are used as they are; the server is neither asked for its workers
	 *  nor for its version.
	 */
	bool discover = true;
	/** Gets what the handshake warns of, once for each client; empty: it goes to stderr. */
	std::function<void(const std::string &)> warn;
};

/**
 * Cancels calls: those that were given it, and are under way or begin later. Copies are one token.
 * All functions may be called by any thread.
 */
class CancelToken
{
public:
	/** A token of its own, which cancels nothing yet. */
	CancelToken();

	/** Cancels the calls. They end with Cancelled; they may have been executed. */
	void cancel() const;
	/** Whether cancel was called. */
	bool cancelled() const;

private:
	friend class internal::Connection;
	std::shared_ptr<internal::Cancellation> state_;
};

/** What one call may be told. */
struct CallOptions {
	/** How long it may take. Nothing: as Options has it; 0: as long as it wants. */
	std::optional<std::chrono::nanoseconds> timeout;
	/** What cancels it. */
	std::optional<CancelToken> cancel;

	/** Options of a call that may take so long. */
	static CallOptions within(std::chrono::nanoseconds timeout)
	{
		CallOptions made;
		made.timeout = timeout;
		return made;
	}

	/** Options of a call that a token cancels. */
	static CallOptions cancelled_by(const CancelToken &token)
	{
		CallOptions made;
		made.cancel = token;
		return made;
	}
};

} // namespace vmalab
