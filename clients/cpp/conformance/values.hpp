// SPDX-License-Identifier: Apache-2.0
/* What stands in a case: numbers as expressions, texts, fields of messages. */
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

namespace conformance
{

using nlohmann::json;

/** An answer that is not what the case expects, or a case that cannot be. */
class Mismatch : public std::runtime_error
{
public:
	using std::runtime_error::runtime_error;
};

/** Numbers that steps have kept. The threads of tasks read them too. */
class Variables
{
public:
	void set(const std::string &name, std::uint64_t value);
	std::uint64_t get(const std::string &name) const;

private:
	mutable std::mutex mutex_;
	std::map<std::string, std::uint64_t> all_;
};

/** What an expression is: terms with + or | between them. Nothing is 0. */
std::uint64_t number(const json &given, const Variables &variables);

/** A value as text. */
std::string text_of(const json &given);

/** A member of a step as text. */
std::string text(const json &step, const char *name, const std::string &otherwise = "");

/** Whether a step has this member, and it is this truth value. */
bool is(const json &step, const char *name, bool value);

/** A member of a step; null: there is none. */
const json &member(const json &step, const std::string &name);

/** The fields of a message by name: numbers as 64 bits, texts, lists and tables. */
json fields_of(const google::protobuf::Message &message);

} // namespace conformance
