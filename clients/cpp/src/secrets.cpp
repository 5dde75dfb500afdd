// SPDX-License-Identifier: Apache-2.0
/*
 * Certificates, keys and tokens.
 *
 * gRPC takes any text as a certificate and fails when it connects, without saying why. So a text
 * is looked at before: whether it has a block of PEM of the right kind, whose bytes begin as DER
 * does. Whether a key belongs to its certificate shows when the client connects.
 */
#include "secrets.hpp"

#include <cstddef>
#include <string_view>

#include "target.hpp"
#include "vmalab/errors.hpp"

namespace vmalab::internal
{

namespace
{

/* Whether text is base64 of a sequence of DER, whose first byte is 0x30. */
bool is_der(std::string_view text)
{
	static constexpr std::string_view letters =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\r\n";
	if (text.find_first_not_of(letters) != std::string_view::npos)
		return false;
	const auto first = text.find_first_not_of("\r\n");
	return first != std::string_view::npos && text.substr(first, 2) >= "MA" &&
	       text.substr(first, 2) <= "MP";
}

/* Whether there is a block of PEM whose label ends so. */
bool has_pem(std::string_view text, std::string_view label)
{
	static constexpr std::string_view begin = "-----BEGIN ", dashes = "-----";
	for (auto at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at)) {
		at += begin.size();
		const auto stop = text.find(dashes, at);
		if (stop == std::string_view::npos)
			return false;
		const auto found = text.substr(at, stop - at);
		const auto body = stop + dashes.size();
		const auto end = text.find("-----END ", body);
		if (end == std::string_view::npos)
			return false;
		if (found.size() >= label.size() &&
		    found.substr(found.size() - label.size()) == label)
			return is_der(text.substr(body, end - body));
	}
	return false;
}

void check_token(const Options &options, const std::vector<std::string> &targets)
{
	for (const char one : options.token)
		if (one < ' ' || one > '~')
			throw BadToken("a token has printable characters of ASCII alone");
	if (options.token.empty() || options.root_certificates)
		return;
	for (const auto &target : targets)
		if (!is_local(target))
			throw BadToken("a token goes over TLS, or to an address of this machine, "
				       "and not to " +
				       target);
}

} // namespace

std::shared_ptr<grpc::ChannelCredentials> credentials(const Options &options,
						      const std::vector<std::string> &targets)
{
	check_token(options, targets);
	if (!options.root_certificates) {
		if (options.client_certificate)
			throw BadCertificate("a client certificate goes with root certificates");
		return grpc::InsecureChannelCredentials();
	}
	grpc::SslCredentialsOptions given;
	given.pem_root_certs = *options.root_certificates;
	if (!has_pem(given.pem_root_certs, "CERTIFICATE"))
		throw BadCertificate("there is none in the root certificates: PEM is wanted");
	if (options.client_certificate) {
		given.pem_cert_chain = options.client_certificate->certificate;
		given.pem_private_key = options.client_certificate->key;
		if (!has_pem(given.pem_cert_chain, "CERTIFICATE"))
			throw BadCertificate("the client certificate is none: PEM is wanted");
		if (!has_pem(given.pem_private_key, "PRIVATE KEY"))
			throw BadCertificate("the key of the client certificate is none: "
					     "PEM is wanted");
	}
	return grpc::SslCredentials(given);
}

} // namespace vmalab::internal
