#include "face/cli/arguments.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "service/config/units.h"

namespace perdure::face {
namespace {

constexpr int code_usage = 2;

Error usage(std::string message, std::string fix = {}) {
    return fail(Fault::invalid, std::move(message)).with_code(code_usage).with_fix(std::move(fix));
}

std::string quoted(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

struct Match {
    CommandRow const* command = nullptr;
    std::size_t words = 0;
};

/// The row whose words are the longest beginning of `words`.
Match find_command(std::vector<std::string> const& words) {
    Match best;
    for (auto const& row : commands()) {
        auto const wanted = service::split_words(row.words, ' ');
        bool const fits = wanted.size() <= words.size() && wanted.size() > best.words &&
                          std::equal(wanted.begin(), wanted.end(), words.begin());
        if (fits) best = {&row, wanted.size()};
    }
    return best;
}

/// Whether some command's words begin with these.
bool is_group(std::string const& word) {
    return std::ranges::any_of(
        commands(), [&](CommandRow const& row) { return row.words.starts_with(word + " "); });
}

/// The command whose second word this is, "backup" first: `perdure list` means `backup list`.
std::string_view with_second_word(std::string const& word) {
    std::string_view found;
    for (auto const& row : commands()) {
        auto const parts = service::split_words(row.words, ' ');
        if (parts.size() != 2 || parts[1] != word) continue;
        if (found.empty() || parts[0] == "backup") found = row.words;
    }
    return found;
}

/// What restic, borg, kopia and rsync call it; empty for words that they do not have either.
std::string_view in_our_words(std::string_view word) {
    struct Foreign {
        std::string_view theirs, ours;
    };
    constexpr std::array words{
        Foreign{"snapshots", "backup list"},
        Foreign{"snapshot", "backup"},
        Foreign{"ls", "backup show"},
        Foreign{"forget", "backup cleanup"},
        Foreign{"prune", "repo compact"},
        Foreign{"gc", "repo compact"},
        Foreign{"rm", "backup delete"},
        Foreign{"remove", "backup delete"},
        Foreign{"extract", "restore"},
        Foreign{"recover", "restore"},
        Foreign{"dump", "restore"},
        Foreign{"copy", "backup sync"},
        Foreign{"replicate", "backup sync"},
        Foreign{"rebuild-index", "repo repair"},
        Foreign{"passwd", "key"},
        Foreign{"info", "backup show"},
        Foreign{"search", "backup find"},
        Foreign{"log", "runs list"},
    };
    auto const found = std::ranges::find(words, word, &Foreign::theirs);
    return found == words.end() ? std::string_view() : found->ours;
}

}  // namespace

std::string nearest_subcommand(std::string const& group, std::string const& word) {
    std::vector<std::string> known;
    for (auto const& row : commands()) {
        auto const parts = service::split_words(row.words, ' ');
        if (parts.front() == group && parts.size() > 1) known.push_back(parts[1]);
    }
    return service::nearest_word(word, known);
}

Error unknown_command(std::vector<std::string> const& words) {
    std::string const& first = words.front();
    std::vector<std::string> known;
    bool const group = is_group(first) && words.size() > 1;
    for (auto const& row : commands()) {
        auto const parts = service::split_words(row.words, ' ');
        if (!group) known.push_back(parts.front());
        if (group && parts.front() == first && parts.size() > 1) known.push_back(parts[1]);
    }
    if (is_group(first) && words.size() == 1) {
        return usage("\"perdure " + first + "\" needs one more word", "perdure help " + first);
    }
    std::string const wrong = group ? words[1] : first;
    auto const near = service::nearest_word(wrong, known);
    auto second = group ? std::string_view() : with_second_word(wrong);
    if (second.empty() && !group) second = in_our_words(wrong);
    if (!second.empty()) {
        return usage("there is no command " + quoted(wrong),
                     "did you mean \"perdure " + std::string(second) + "\"?");
    }
    if (near.empty()) {
        return usage("there is no command " + quoted(wrong),
                     group ? "perdure help " + first : "perdure help");
    }
    return usage("there is no command " + quoted(wrong),
                 "did you mean \"perdure " + (group ? first + " " : "") + near + "\"?");
}

namespace {

class Parse {
public:
    explicit Parse(std::vector<std::string> const& argv) : argv_(argv) {}

    Result<Arguments> run() {
        collect_words();
        if (words_.empty()) PD_CHECK(check_lone_options());
        if (out_.help || words_.empty() || words_.front() == "help") return help();
        auto const match = find_command(words_);
        if (!match.command) return unknown_command(words_);
        out_.command = match.command;
        skip_words_ = match.words;
        if (auto done = read(); !done) {
            // A line about options is answered with the options of that command.
            bool const own = !done.error().fix().empty();
            std::string fix =
                own ? done.error().fix() : "perdure help " + std::string(out_.command->words);
            return Error(std::move(done).error()).with_fix(std::move(fix));
        }
        PD_CHECK(count_positional());
        return std::move(out_);
    }

private:
    /// A first pass without knowing the command: everything that is no option, values of global
    /// options left out (options of commands stand after the command's own words).
    void collect_words() {
        for (std::size_t i = 0; i < argv_.size(); ++i) {
            auto const& word = argv_[i];
            if (word == "--") break;
            if (word == "--help" || word == "-h") out_.help = true;
            if (word.size() > 1 && word[0] == '-') {
                auto const* row = find_option(word.substr(0, word.find('=')), global_options());
                bool const takes = row && row->kind != OptionRow::Kind::flag;
                if (takes && word.find('=') == std::string::npos) ++i;
                continue;
            }
            words_.push_back(word);
        }
    }

    /// Without a command only options that every command takes make sense, and --version, which
    /// everybody tries.
    Result<void> check_lone_options() {
        std::vector<std::string> known{"--version", "--markdown"};
        for (auto const& row : global_options()) known.emplace_back(row.name);
        for (std::size_t i = 0; i < argv_.size() && argv_[i] != "--"; ++i) {
            auto const& word = argv_[i];
            if (word == "--version" || word == "-V") words_ = {"version"};
            if (word == "--version" || word == "-V" || word == "--markdown") continue;
            auto const name = word.substr(0, word.find('='));
            auto const* row = find_option(name, global_options());
            if (!row) {
                auto const near = service::nearest_word(name, known);
                return usage("perdure has no option " + quoted(name),
                             near.empty() ? "perdure help" : "did you mean " + near + "?");
            }
            bool const takes = row->kind != OptionRow::Kind::flag;
            if (takes && name.size() == word.size()) ++i;
        }
        return {};
    }

    Result<Arguments> help() {
        out_.help = true;
        if (!words_.empty() && words_.front() == "help") words_.erase(words_.begin());
        out_.topic = words_;
        for (auto const& word : argv_) {
            if (word == "--markdown") out_.options["--markdown"] = {""};
        }
        return std::move(out_);
    }

    static OptionRow const* find_option(std::string_view name, std::span<OptionRow const> rows) {
        for (auto const& row : rows) {
            bool const letter = name.size() == 2 && name[0] == '-' && row.letter == name[1];
            if (row.name == name || (row.letter && letter)) return &row;
        }
        return nullptr;
    }

    OptionRow const* find_option(std::string_view name) const {
        auto const* row = find_option(name, out_.command->options);
        return row ? row : find_option(name, global_options());
    }

    Result<void> read() {
        bool options = true;
        for (std::size_t i = 0; i < argv_.size(); ++i) {
            auto const& word = argv_[i];
            if (options && word == "--") {
                options = false;
            } else if (options && asks_version(word)) {
                continue;
            } else if (options && word.size() > 1 && word[0] == '-') {
                PD_CHECK(option(word, i));
            } else if (skipped_ < skip_words_) {
                ++skipped_;
            } else if (word.empty()) {
                return usage("one argument is empty: a variable that is not set?");
            } else {
                out_.positional.push_back(word);
            }
        }
        return {};
    }

    bool asks_version(std::string const& word) const {
        return out_.command->words == "version" && (word == "--version" || word == "-V");
    }

    Result<void> option(std::string const& word, std::size_t& i) {
        auto const equals = word.find('=');
        std::string const name = word.substr(0, equals);
        auto const* row = find_option(name);
        if (!row) return unknown_option(name);
        std::string const key(row->name);
        if (row->kind == OptionRow::Kind::flag) {
            if (equals != std::string::npos) return usage(key + " takes no value");
            out_.options[key] = {""};
            return {};
        }
        std::string value;
        if (equals != std::string::npos) {
            value = word.substr(equals + 1);
        } else if (i + 1 < argv_.size()) {
            value = argv_[++i];
            // --to --quiet: a folder named "--quiet" is hardly what is meant. A program's words,
            // one a --command, may well be options.
            bool const one_word = row->kind != OptionRow::Kind::values;
            if (one_word && value.starts_with("--") && find_option(value)) {
                return usage(key + " needs a value, and " + value + " is an option; if you mean " +
                             "it: " + key + "=" + value);
            }
        }
        // "[KEY]" may be empty where that is written out: --subject=
        bool const may_be_empty = row->value.starts_with('[');
        if (value.empty() && may_be_empty && equals == std::string::npos)
            return usage(key + " is empty: a variable that is not set? If it is meant: " + key +
                         "=");
        if (value.empty() && !may_be_empty)
            return usage(key + " needs a value: " + std::string(row->value));
        if (row->kind == OptionRow::Kind::number) PD_CHECK(check_number(key, value));
        PD_CHECK(check_choice(*row, value));
        auto& values = out_.options[key];
        if (row->kind != OptionRow::Kind::values) values.clear();
        values.push_back(std::move(value));
        return {};
    }

    static Result<void> check_number(std::string const& key, std::string const& value) {
        std::uint64_t number = 0;
        auto const* end = value.data() + value.size();
        auto const [at, error] = std::from_chars(value.data(), end, number);
        if (error == std::errc() && at == end && !value.empty()) return {};
        return usage(key + ": " + quoted(value) + " is not a whole number");
    }

    static Result<void> check_choice(OptionRow const& row, std::string const& value) {
        if (row.value.find('|') == std::string_view::npos) return {};
        auto const words = service::split_words(row.value, '|');
        if (std::ranges::find(words, value) != words.end()) return {};
        auto const near = service::nearest_word(value, words);
        return usage(
            std::string(row.name) + ": " + quoted(value) + " is none of " + std::string(row.value),
            near.empty() ? "" : "did you mean \"" + near + "\"?");
    }

    Error unknown_option(std::string const& name) const {
        std::vector<std::string> known;
        for (auto const& row : out_.command->options) known.emplace_back(row.name);
        for (auto const& row : global_options()) known.emplace_back(row.name);
        auto const near = service::nearest_word(name, known);
        std::string const help = "perdure help " + std::string(out_.command->words);
        return usage(
            "\"perdure " + std::string(out_.command->words) + "\" has no option " + quoted(name),
            near.empty() ? help : "did you mean " + near + "?");
    }

    /// Counts what `arguments` asks for: words without brackets are needed, "…" allows any number.
    Result<void> count_positional() const {
        std::size_t least = 0, most = 0;
        bool any = false;
        auto const asked = service::split_words(out_.command->arguments, ' ');
        for (auto const& word : asked) {
            if (word.empty()) continue;
            ++most;
            if (word.front() != '[') ++least;
            if (word.find("…") != std::string::npos) any = true;
        }
        std::string const line = "perdure " + std::string(out_.command->words) + " " +
                                 std::string(out_.command->arguments);
        if (out_.positional.size() < least) {
            return usage("\"perdure " + std::string(out_.command->words) + "\" needs " +
                             asked[out_.positional.size()],
                         line);
        }
        if (!any && out_.positional.size() > most) {
            return usage(quoted(out_.positional[most]) + " is one word too many", line);
        }
        return {};
    }

    std::vector<std::string> const& argv_;
    std::vector<std::string> words_;
    std::size_t skip_words_ = 0, skipped_ = 0;
    Arguments out_;
};

}  // namespace

std::string Arguments::value(std::string const& name, std::string const& otherwise) const {
    auto const found = options.find(name);
    return found == options.end() || found->second.empty() ? otherwise : found->second.back();
}

std::vector<std::string> Arguments::values(std::string const& name) const {
    auto const found = options.find(name);
    return found == options.end() ? std::vector<std::string>{} : found->second;
}

std::uint64_t Arguments::number(std::string const& name, std::uint64_t otherwise) const {
    auto const text = value(name);
    std::uint64_t number = otherwise;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::size_t Arguments::most(std::string const& name, std::size_t otherwise) const {
    constexpr std::size_t all = 1'000'000'000;
    auto const wanted = number(name, otherwise);
    return wanted == 0 ? all : std::min(wanted, all);
}

Result<Arguments> parse_arguments(std::vector<std::string> const& argv) {
    return Parse(argv).run();
}

}  // namespace perdure::face
