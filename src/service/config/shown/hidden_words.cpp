#include "service/config/shown/hidden_words.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"

namespace perdure::service {

namespace {

/// The password of an address: "postgres://app:[redacted]@host/db".
std::string without_passwords(std::string text) {
    constexpr std::string_view begin = "://";
    for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
        at += begin.size();
        auto const end = text.find_first_of("/\"' \\", at);
        auto const host = text.substr(0, end).rfind('@');
        auto const colon = text.find(':', at);
        if (host == text.npos || host < at || colon >= host) continue;
        text.replace(colon + 1, host - colon - 1, redacted);
    }
    return text;
}

bool is_name_sign(char c) {
    return is_ascii_alphanumeric(c) || c == '_' || c == '-' || c == '.';
}

/// "--db-password", "PGPASSWORD", "X-Api-Key"; not "password-file", which says where one is.
bool says_secret(std::string_view name) {
    if (name.starts_with("--no-")) return false;
    std::string plain;
    for (char const c : name) {
        if (c != '-' && c != '_' && c != '.') plain += ascii_lower(c);
    }
    constexpr std::array where{"file", "path", "fd", "env", "command", "cmd", "prompt", "stdin"};
    for (std::string_view const end : where) {
        if (plain.ends_with(end)) return false;
    }
    constexpr std::array parts{"password",   "passwd",       "passphrase", "secret",
                               "token",      "apikey",       "accesskey",  "privatekey",
                               "credential", "authorization"};
    for (std::string_view const part : parts) {
        if (plain.find(part) != plain.npos) return true;
    }
    constexpr std::array whole{"pass", "pw", "pwd", "auth", "sig", "signature", "cookie"};
    return std::ranges::find(whole, plain) != whole.end() || plain.ends_with("pwd");
}

/// Where the value ends that begins at `at`: at its own quote, else where a word does. A header's
/// value has blanks in it and goes on to the quote around all of it, or to the end.
std::size_t end_of_value(std::string const& text, std::size_t at, bool header) {
    bool const quoted = text[at] == '"' || text[at] == '\'';
    if (quoted) return std::min(text.find(text[at], at + 1), text.size());
    return std::min(text.find_first_of(header ? "\"'\n" : " \t\n\"'&;|,)", at), text.size());
}

/// NAME=value, NAME: value, "NAME": "value", --NAME value.
std::string without_named(std::string text) {
    for (std::size_t at = 0; at < text.size();) {
        auto const begin =
            std::find_if(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_name_sign);
        auto const end = std::find_if_not(begin, text.end(), is_name_sign);
        std::string const name(begin, end);
        auto next = static_cast<std::size_t>(end - text.begin());
        at = next;
        if (name.empty() || !says_secret(name)) continue;
        if (next < text.size() && (text[next] == '"' || text[next] == '\'')) ++next;
        if (next >= text.size()) break;
        bool const header = text[next] == ':', option = name.starts_with('-') && text[next] == ' ';
        if (!header && !option && text[next] != '=') continue;
        auto const value = text.find_first_not_of(header || option ? " " : "", next + 1);
        if (value >= text.size() || (option && text[value] == '-')) continue;
        bool const quoted = text[value] == '"' || text[value] == '\'';
        auto const first = value + (quoted ? 1 : 0);
        auto const last = end_of_value(text, value, header && value > next + 1);
        if (last <= first || text[first] == '$') continue;  // where it comes from may be known
        text.replace(first, last - first, redacted);
        at = first + redacted.size();
    }
    return text;
}

/// Tokens that say themselves what they are.
std::string without_tokens(std::string text) {
    constexpr std::array begins{"ghp_",  "gho_",  "github_pat_", "glpat-",
                                "xoxb-", "xoxp-", "sk_live_",    "AGE-SECRET-KEY-"};
    constexpr std::size_t shortest = 12;
    for (std::string_view const begin : begins) {
        for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at + 1)) {
            auto const from = text.begin() + static_cast<std::ptrdiff_t>(at);
            auto const end = std::find_if_not(from, text.end(), is_name_sign);
            auto const length = static_cast<std::size_t>(end - from);
            bool const inside = at > 0 && is_name_sign(text[at - 1]);
            if (!inside && length >= shortest) text.replace(at, length, redacted);
        }
    }
    return text;
}

/// Programs that take a password in a short option; `user`: behind a user's name and a colon.
struct ShortOption {
    std::string_view program, option;
    bool glued_only, user;
};
constexpr std::array short_options{
    ShortOption{"mysql", "-p", true, false},       ShortOption{"mariadb", "-p", true, false},
    ShortOption{"mariabackup", "-p", true, false}, ShortOption{"sshpass", "-p", false, false},
    ShortOption{"mongo", "-p", false, false},      ShortOption{"redis-cli", "-a", false, false},
    ShortOption{"7z", "-p", true, false},          ShortOption{"zip", "-P", false, false},
    ShortOption{"unzip", "-P", false, false},      ShortOption{"sqlcmd", "-P", false, false},
    ShortOption{"curl", "-u", false, true},        ShortOption{"curl", "--user", false, true},
    ShortOption{"smbclient", "-U", false, true}};

std::string without_password_of(std::string const& word, bool user) {
    auto const colon = user ? word.find_first_of(":%") : 0;
    if (word.empty() || word[0] == '$' || colon == word.npos) return word;
    return user ? word.substr(0, colon + 1) + std::string(redacted) : std::string(redacted);
}

/// Words that stand apart: of an argv, or of a line that a shell reads.
void hide_short_options(std::vector<std::string>& words) {
    std::string_view program;
    for (std::size_t at = 0; at < words.size(); ++at) {
        for (auto const& rule : short_options) {
            std::string const name = words[at].substr(words[at].rfind('/') + 1);
            if (name.starts_with(rule.program)) program = rule.program;
            bool const option = program == rule.program && words[at].starts_with(rule.option);
            if (!option) continue;
            std::string head(rule.option), glued = words[at].substr(head.size());
            bool const apart = glued.empty() && !rule.glued_only && at + 1 < words.size();
            if (head.starts_with("--") && !glued.empty() && glued[0] != '=') continue;
            if (glued.starts_with('=')) head += '=', glued.erase(0, 1);
            if (!glued.empty()) words[at] = head + without_password_of(glued, rule.user);
            if (apart) words[at + 1] = without_password_of(words[at + 1], rule.user);
        }
    }
}

std::string of_a_line(std::string const& line) {
    std::vector<std::string> words{""}, blanks;
    for (char const c : line) {
        bool const blank = c == ' ' || c == '\t' || c == '\n' || c == '\'' || c == '"';
        if (blank) {
            words.emplace_back();
            blanks.emplace_back(1, c);
        } else {
            words.back() += c;
        }
    }
    hide_short_options(words);
    std::string out = words[0];
    for (std::size_t at = 0; at < blanks.size(); ++at) out += blanks[at] + words[at + 1];
    return out;
}

}  // namespace

std::string without_secrets(std::string text) {
    return without_tokens(without_named(without_passwords(std::move(text))));
}

std::vector<std::string> without_secrets(std::vector<std::string> argv) {
    std::vector<std::string> out;
    for (auto const& word : argv) out.push_back(of_a_line(without_secrets(word)));
    hide_short_options(out);
    for (std::size_t at = 1; at < out.size(); ++at) {
        auto const& option = argv[at - 1];
        bool const says = option.starts_with('-') && says_secret(option) &&
                          option.find_first_of("=: ") == std::string::npos;
        if (says && out[at].find_first_of("-$") != 0) out[at] = redacted;
    }
    return out;
}

Node without_secrets(Node node) {
    if (node.kind == Node::Kind::text) node.text = without_secrets(std::move(node.text));
    std::vector<std::string> words;
    for (auto const& item : node.items) words.push_back(item.text);
    words = without_secrets(std::move(words));
    for (std::size_t at = 0; at < words.size(); ++at) {
        if (node.items[at].kind == Node::Kind::text) node.items[at].text = std::move(words[at]);
    }
    for (auto& member : node.members) member.value = without_secrets(std::move(member.value));
    return node;
}

}  // namespace perdure::service
