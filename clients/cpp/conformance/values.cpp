// SPDX-License-Identifier: Apache-2.0
#include "values.hpp"

#include <cstdlib>
#include <sstream>

#include <vmalab/vmalab.hpp>

namespace conformance
{

void Variables::set(const std::string &name, std::uint64_t value)
{
	const std::lock_guard<std::mutex> guard(mutex_);
	all_[name] = value;
}

std::uint64_t Variables::get(const std::string &name) const
{
	const std::lock_guard<std::mutex> guard(mutex_);
	const auto found = all_.find(name);
	if (found == all_.end())
		throw Mismatch("there is no variable " + name);
	return found->second;
}

static std::uint64_t term(const std::string &given, const Variables &variables)
{
	if (given.front() == '$')
		return variables.get(given.substr(1));
	char *end = nullptr;
	const std::uint64_t value = std::strtoull(given.c_str(), &end, 0);
	if (!*end)
		return value;
	const auto found = vmalab::constant(given);
	if (!found)
		throw Mismatch("there is no constant \"" + given + "\"");
	return *found;
}

std::uint64_t number(const json &given, const Variables &variables)
{
	if (given.is_null())
		return 0;
	if (given.is_boolean())
		return given.get<bool>();
	if (given.is_number_unsigned())
		return given.get<std::uint64_t>();
	if (given.is_number_integer())
		return static_cast<std::uint64_t>(given.get<std::int64_t>());
	if (!given.is_string())
		throw Mismatch("no number: " + given.dump());
	std::istringstream words(given.get<std::string>());
	std::string word, sign = "+";
	std::uint64_t total = 0;
	while (words >> word) {
		const auto value = term(word, variables);
		total = sign == "|" ? total | value : total + value;
		words >> sign;
	}
	return total;
}

std::string text_of(const json &given)
{
	return given.is_string() ? given.get<std::string>() : given.dump();
}

std::string text(const json &step, const char *name, const std::string &otherwise)
{
	const auto &found = member(step, name);
	return found.is_null() ? otherwise : text_of(found);
}

bool is(const json &step, const char *name, bool value)
{
	const auto &found = member(step, name);
	return found.is_boolean() && found.get<bool>() == value;
}

const json &member(const json &step, const std::string &name)
{
	static const json nothing;
	const auto found = step.find(name);
	return found == step.end() ? nothing : *found;
}

using google::protobuf::FieldDescriptor;

static json single(const google::protobuf::Message &message, const FieldDescriptor *field)
{
	const auto *reflection = message.GetReflection();
	switch (field->cpp_type()) {
	case FieldDescriptor::CPPTYPE_INT32:
		return static_cast<std::uint64_t>(
			std::int64_t{reflection->GetInt32(message, field)});
	case FieldDescriptor::CPPTYPE_UINT32:
		return std::uint64_t{reflection->GetUInt32(message, field)};
	case FieldDescriptor::CPPTYPE_UINT64:
		return reflection->GetUInt64(message, field);
	case FieldDescriptor::CPPTYPE_BOOL:
		return reflection->GetBool(message, field);
	case FieldDescriptor::CPPTYPE_STRING:
		return reflection->GetString(message, field);
	case FieldDescriptor::CPPTYPE_MESSAGE:
		return fields_of(reflection->GetMessage(message, field));
	default:
		throw Mismatch(std::string("no such type: ") + field->cpp_type_name());
	}
}

static json repeated(const google::protobuf::Message &message, const FieldDescriptor *field)
{
	const auto *reflection = message.GetReflection();
	const int count = reflection->FieldSize(message, field);
	json list = json::array(), table = json::object();
	for (int i = 0; i < count; i++) {
		if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
			list.push_back(reflection->GetRepeatedString(message, field, i));
			continue;
		}
		const auto entry = fields_of(reflection->GetRepeatedMessage(message, field, i));
		if (field->is_map())
			table[text_of(entry["key"])] = entry["value"];
		else
			list.push_back(entry);
	}
	return field->is_map() ? table : list;
}

json fields_of(const google::protobuf::Message &message)
{
	json found = json::object();
	const auto *descriptor = message.GetDescriptor();
	for (int i = 0; i < descriptor->field_count(); i++) {
		const auto *field = descriptor->field(i);
		const bool many = field->is_repeated();
		found[field->name()] = many ? repeated(message, field) : single(message, field);
	}
	return found;
}

} // namespace conformance
