#include "service/config/value_check.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "service/config/units.h"

namespace perdure::service {
namespace {

using Kind = Node::Kind;
using Verdict = std::optional<ConfigFault>;

std::string_view kind_name(Kind kind) {
    switch (kind) {
        case Kind::table:
            return "a table";
        case Kind::array:
            return "an array";
        case Kind::text:
            return "a string";
        case Kind::integer:
            return "a whole number";
        case Kind::real:
            return "a number";
        case Kind::boolean:
            return "true or false";
        case Kind::time:
            return "a date or time";
    }
    return "";
}

Verdict wrong(Field const& field, Node const& value) {
    return ConfigFault{{},
                       "must be " + std::string(type_name(field.type)) + ", not " +
                           std::string(kind_name(value.kind)),
                       "for example: " + std::string(field.example)};
}

Verdict wrong(Field const& field, Error const& error) {
    return ConfigFault{{}, error.message(), "for example: " + std::string(field.example)};
}

Verdict check_choice(Field const& field, Node const& value) {
    auto const words = split_words(field.words, '|');
    if (std::ranges::find(words, value.text) != words.end()) return {};
    std::string known;
    for (auto const& word : words) known += (known.empty() ? "" : ", ") + word;
    auto const near = nearest_word(value.text, words);
    return ConfigFault{{},
                       "\"" + value.text + "\" is none of " + known,
                       near.empty() ? "" : "did you mean \"" + near + "\"?"};
}

Verdict check_texts(Field const& field, Node const& value, bool may_be_empty) {
    if (value.kind != Kind::array) return wrong(field, value);
    if (value.items.empty() && !may_be_empty) return ConfigFault{{}, "must not be empty", ""};
    for (auto const& item : value.items) {
        if (item.kind != Kind::text) {
            return ConfigFault{item.place, "must hold strings only", ""};
        }
    }
    return {};
}

Verdict check_key_limit(Node const& key, Member const& limit) {
    auto const is_command = [](Member const& member) { return member.key == "command"; };
    if (std::ranges::none_of(key.members, is_command)) {
        return ConfigFault{limit.place, "only a command has a timeout", "leave it out"};
    }
    auto const time = limit.value.kind == Kind::text
                          ? parse_duration(limit.value.text)
                          : Result<std::chrono::milliseconds>(fail(Fault::invalid, "not a text"));
    if (time && time->count() > 0) return {};
    return ConfigFault{limit.place, "timeout must be a duration longer than nothing",
                       "for example: timeout = \"30s\""};
}

Verdict check_key(Field const& field, Node const& value) {
    if (value.kind == Kind::text) {
        if (value.text.empty()) return ConfigFault{{}, "an empty key", ""};
        return {};
    }
    if (value.kind != Kind::table) return wrong(field, value);
    auto members = value.members;
    auto const is_limit = [](auto const& member) { return member.key == "timeout"; };
    auto const limit = std::ranges::find_if(members, is_limit);
    if (limit != members.end()) {
        auto fault = check_key_limit(value, *limit);
        if (fault) return fault;
        members.erase(limit);
    }
    if (members.size() != 1) {
        return ConfigFault{{},
                           "must name exactly one of file, env, credential, command, prompt",
                           "for example: " + std::string(field.example)};
    }
    auto const& way = members.front();
    std::vector<std::string> const ways{"file", "env", "credential", "command", "prompt"};
    if (std::ranges::find(ways, way.key) == ways.end()) {
        auto const near = nearest_word(way.key, ways);
        return ConfigFault{way.place, "unknown key source \"" + way.key + "\"",
                           near.empty() ? "it is one of file, env, credential, command, prompt"
                                        : "did you mean \"" + near + "\"?"};
    }
    if (way.key == "command") return check_texts(field, way.value, false);
    if (way.key == "prompt" && way.value.kind == Kind::boolean) return {};
    if (way.value.kind != Kind::text || way.value.text.empty()) {
        return ConfigFault{way.place, way.key + " must be a string", ""};
    }
    return {};
}

Verdict check_map(Field const& field, Node const& value) {
    if (value.kind != Kind::table) return wrong(field, value);
    bool const mask = field.path.ends_with(".mask");
    for (auto const& member : value.members) {
        if (member.value.kind != Kind::text) {
            return ConfigFault{member.place, "\"" + member.key + "\" must be a string", ""};
        }
        if (mask && (member.value.text != "drop" || !member.key.contains('.'))) {
            return ConfigFault{member.place, "a mask is \"table.column\" = \"drop\"", ""};
        }
    }
    return {};
}

Verdict check_embedding(Field const& field, Node const& value) {
    if (value.kind == Kind::text) return {};
    if (value.kind != Kind::table) return wrong(field, value);
    std::vector<std::string> const words{"column", "model", "dtype"};
    for (auto const& member : value.members) {
        if (std::ranges::find(words, member.key) == words.end()) {
            return ConfigFault{member.place, "unknown key \"" + member.key + "\"",
                               "an embedding has column, model and dtype"};
        }
        if (member.value.kind != Kind::text) {
            return ConfigFault{member.place, "\"" + member.key + "\" must be a string", ""};
        }
    }
    if (!value.find("column")) return ConfigFault{{}, "lacks \"column\"", ""};
    return {};
}

bool is_rate(Node const& value) {
    return (value.kind == Kind::integer && value.integer >= 0) ||
           (value.kind == Kind::real && std::isfinite(value.real) && value.real >= 0);
}

Verdict check_rate(Field const& field, Node const& value) {
    if (value.kind != Kind::table) {
        return is_rate(value) ? Verdict{} : wrong(field, value);
    }
    for (auto const& member : value.members) {
        if (!is_rate(member.value)) {
            return ConfigFault{member.place, "\"" + member.key + "\" must be a number of MB/s", ""};
        }
        if (member.key == "default") continue;
        if (auto window = parse_window(member.key); !window) {
            return ConfigFault{member.place, window.error().message(), ""};
        }
    }
    return {};
}

Verdict check_backoff(Field const& field, Node const& value) {
    auto const at = value.text.find("..");
    auto const first = parse_duration(std::string_view(value.text).substr(0, at));
    if (!first) return wrong(field, first.error());
    if (at == std::string::npos) return {};
    auto const longest = parse_duration(std::string_view(value.text).substr(at + 2));
    if (!longest) return wrong(field, longest.error());
    if (*longest < *first) return ConfigFault{{}, "the longest pause is below the first", ""};
    return {};
}

Verdict check_text(Field const& field, Node const& value) {
    if (value.kind != Kind::text) return wrong(field, value);
    auto const verdict = [&](auto const& result) {
        return result ? Verdict{} : wrong(field, result.error());
    };
    switch (field.type) {
        case FieldType::duration:
            return verdict(parse_duration(value.text));
        case FieldType::cron:
            return verdict(check_cron(value.text));
        case FieldType::window:
            return verdict(parse_window(value.text));
        case FieldType::choice:
            return check_choice(field, value);
        case FieldType::backoff:
            return check_backoff(field, value);
        default:
            break;
    }
    if (value.text.empty()) return ConfigFault{{}, "must not be empty", ""};
    if (value.text.contains('\0')) return ConfigFault{{}, "must not hold a NUL", ""};
    return {};
}

}  // namespace

Verdict check_value(Field const& field, Node const& value) {
    switch (field.type) {
        case FieldType::integer:
            if (value.kind != Kind::integer) return wrong(field, value);
            if (value.integer < 0) return ConfigFault{{}, "must not be negative", ""};
            if (field.path == "version" && value.integer != 1) {
                return ConfigFault{
                    {},
                    "version " + std::to_string(value.integer) + " is not known to this program",
                    "this program reads version = 1"};
            }
            return {};
        case FieldType::real:
            return is_rate(value) ? Verdict{} : wrong(field, value);
        case FieldType::boolean:
            return value.kind == Kind::boolean ? Verdict{} : wrong(field, value);
        case FieldType::size:
            if (value.kind == Kind::integer && value.integer >= 0) return {};
            if (value.kind != Kind::text) return wrong(field, value);
            if (auto size = parse_size(value.text); !size) return wrong(field, size.error());
            return {};
        case FieldType::list:
            return check_texts(field, value, field.path != "repository.*.destinations");
        case FieldType::command:
            return check_texts(field, value, false);
        case FieldType::key:
            return check_key(field, value);
        case FieldType::map:
            return check_map(field, value);
        case FieldType::invariant:
            if (value.kind == Kind::text && !value.text.empty()) return {};
            return value.kind == Kind::array ? check_texts(field, value, false)
                                             : wrong(field, value);
        case FieldType::embedding:
            return check_embedding(field, value);
        case FieldType::rate:
            return check_rate(field, value);
        default:
            return check_text(field, value);
    }
}

}  // namespace perdure::service
