#include "face/cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "face/cli/arguments.h"
#include "service/config/units.h"

namespace perdure::face {
namespace {

struct Group {
    std::string_view title;
    std::string_view first_words;  ///< of the commands in it, separated by blanks
};
constexpr std::array groups{
    Group{"Start", "quickstart demo init config doctor status"},
    Group{"Protect", "source destination backup"},
    Group{"Get back", "restore export"},
    Group{"Keep in order", "retention repo key runs report verify-report"},
    Group{"This program", "completion version"},
};

std::string usage_of(CommandRow const& row) {
    std::string out = "perdure " + std::string(row.words);
    if (!row.arguments.empty()) out += " " + std::string(row.arguments);
    return out;
}

std::string option_text(OptionRow const& row) {
    std::string out = row.letter ? fmt::format("-{}, ", row.letter) : "    ";
    out += row.name;
    if (!row.value.empty()) out += " " + std::string(row.value);
    return out;
}

std::string pad(std::string text, std::size_t columns) {
    auto const used = columns_of(text);
    text.append(used < columns ? columns - used : 1, ' ');
    return text;
}

/// How a page of help is set.
struct Page {
    Style const& style;
    unsigned columns = 0;  ///< 0: lines are as long as they are
};

/// Text that begins at a column and goes on below it.
std::string wrapped(std::string_view text, std::size_t indent, unsigned columns) {
    constexpr std::size_t narrowest = 24;  // below that a broken column is harder to read than none
    if (columns < indent + narrowest) return std::string(text);
    std::string out;
    std::size_t used = indent;
    for (auto const& word : service::split_words(text, ' ')) {
        auto const width = columns_of(word);
        if (used > indent && used + 1 + width > columns) {
            out += "\n" + std::string(indent, ' ');
            used = indent;
        }
        if (used > indent) out += ' ';
        used += width + (used > indent ? 1 : 0);
        out += word;
    }
    return out;
}

/// A word on the left, its meaning from a column on. A word that is long stands alone, so that the
/// meanings keep their column.
std::string entry(std::string left, std::size_t left_columns, std::string_view meaning,
                  Page const& page) {
    std::string out;
    constexpr std::size_t below = 6, narrowest = 24;
    if (page.columns > 0 && page.columns < left_columns + 2 + narrowest) {
        return "  " + page.style.cyan(left) + "\n" + std::string(below, ' ') +
               wrapped(meaning, below, page.columns) + "\n";
    }
    if (columns_of(left) >= left_columns) {
        out = "  " + page.style.cyan(left) + "\n";
        left.clear();
    }
    return out + "  " + page.style.cyan(pad(left, left_columns)) +
           wrapped(meaning, left_columns + 2, page.columns) + "\n";
}

constexpr std::size_t option_columns = 28, command_columns = 34;

void add_options(std::string& out, std::span<OptionRow const> rows, Page const& page) {
    for (auto const& row : rows) {
        if (!row.heading.empty()) out += "\n" + page.style.bold(row.heading) + "\n";
        out += entry(option_text(row), option_columns, row.help, page);
    }
}

void add_commands(std::string& out, std::string_view first_words, Page const& page) {
    for (auto const& first : service::split_words(first_words, ' ')) {
        for (auto const& row : commands()) {
            if (service::split_words(row.words, ' ').front() != first) continue;
            std::string left = std::string(row.words);
            if (!row.arguments.empty()) left += " " + std::string(row.arguments);
            out += entry(std::move(left), command_columns, row.summary, page);
        }
    }
}

std::string overview(Page const& page) {
    auto const& style = page.style;
    std::string out = style.bold("perdure") +
                      " keeps an application's data safe, portable and "
                      "recoverable.\n\n";
    out += "  " + style.cyan("perdure quickstart app.db") +
           "   finds, backs up, verifies and proves, in one go\n";
    for (auto const& group : groups) {
        out += "\n" + style.bold(group.title) + "\n";
        add_commands(out, group.first_words, page);
    }
    out += "\n" + style.bold("Every command takes") + "\n";
    add_options(out, global_options(), page);
    return out + "\n" +
           wrapped(
               "perdure help COMMAND tells more. A SNAPSHOT is an id, its unique beginning, a "
               "tag, or \"latest\".",
               0, page.columns);
}

std::string one_command(CommandRow const& row, Page const& page) {
    auto const& style = page.style;
    std::string out = style.bold(usage_of(row)) + "\n\n" + std::string(row.summary) + "\n";
    if (!row.options.empty()) {
        bool const headed = !row.options.front().heading.empty();
        if (!headed) out += "\n" + style.bold("Options") + "\n";
        add_options(out, row.options, page);
    }
    if (!row.example.empty()) {
        auto const examples = service::split_words(row.example, '\n');
        out += "\n" + style.bold(examples.size() > 1 ? "Examples" : "Example") + "\n";
        for (auto const& example : examples) out += "  " + example + "\n";
    }
    return out + "\n" +
           wrapped("Every command also takes --json, --config, --quiet and others: perdure help.",
                   0, page.columns);
}

constexpr std::string_view exit_codes = R"(
| code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | the command line or the configuration is wrong |
| 3 | partial: something was skipped, and named |
| 10 | no repository there |
| 11 | locked by another process |
| 12 | wrong key |
| 13 | a destination cannot be reached |
| 14 | stored data is damaged |
| 15 | conflict: something is there already, or changed meanwhile |
| 16 | a legal hold forbids it |
| 17 | needs --confirm NAME |
| 18 | needs a fresh login |
| 20 | overdue (`status --exit-code`) |
| 130, 143 | stopped by SIGINT, SIGTERM |
)";

std::string words_of_group(std::string_view group, char const* separator) {
    std::string out;
    for (auto const& row : commands()) {
        auto const parts = service::split_words(row.words, ' ');
        std::string word;
        if (group.empty()) word = parts.front();
        if (!group.empty() && parts.front() == group && parts.size() > 1) word = parts[1];
        bool const known =
            word.empty() ||
            (separator + out + separator).find(separator + word + separator) != std::string::npos;
        if (!known) out += (out.empty() ? "" : separator) + word;
    }
    return out;
}

std::string options_of(CommandRow const& row) {
    std::string out;
    for (auto const& option : row.options) out += std::string(option.name) + " ";
    for (auto const& option : global_options()) out += std::string(option.name) + " ";
    out.pop_back();
    return out;
}

std::string bash_script() {
    std::string out =
        "# bash completion for perdure\n_perdure() {\n"
        "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" words=() w\n"
        "  for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
        "    [[ $w == -* ]] || words+=(\"$w\")\n  done\n"
        "  local options=\"\" next=\"\"\n  case \"${words[*]}\" in\n";
    std::vector<std::string> told;
    for (auto const& row : commands()) {
        auto const first = service::split_words(row.words, ' ').front();
        if (first == row.words || std::ranges::find(told, first) != told.end()) continue;
        told.push_back(first);
        out += "    \"" + first + "\") next=\"" + words_of_group(first, " ") + "\";;\n";
    }
    out += "    \"\") next=\"" + words_of_group("", " ") + " help\";;\n  esac\n";
    out += "  case \"${words[*]}\" in\n";
    std::vector<CommandRow const*> rows;
    for (auto const& row : commands()) rows.push_back(&row);
    std::ranges::sort(rows, [](auto const* a, auto const* b) {
        return a->words.size() > b->words.size();  // the longest words first
    });
    for (auto const* row : rows) {
        out += "    \"" + std::string(row->words) + "\"*) options=\"" + options_of(*row) + "\";;\n";
    }
    out +=
        "  esac\n  if [[ $cur == -* ]]; then\n"
        "    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n  else\n"
        "    COMPREPLY=($(compgen -W \"$next\" -- \"$cur\") $(compgen -f -- \"$cur\"))\n  fi\n"
        "}\ncomplete -o filenames -F _perdure perdure";
    return out;
}

std::string zsh_script() {
    return "#compdef perdure\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script();
}

std::string fish_quoted(std::string_view text) {
    std::string out = "'";
    for (char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

std::string fish_script() {
    std::string out = "# fish completion for perdure";
    for (auto const& row : commands()) {
        auto const parts = service::split_words(row.words, ' ');
        std::string const when = parts.size() == 1 ? "__fish_use_subcommand"
                                                   : "__fish_seen_subcommand_from " + parts.front();
        out += "\ncomplete -c perdure -n " + fish_quoted(when) + " -a " + parts.back() + " -d " +
               fish_quoted(row.summary);
        std::string seen = "__fish_seen_subcommand_from " + parts.front();
        if (parts.size() > 1) seen += "; and __fish_seen_subcommand_from " + parts.back();
        for (auto const& option : row.options) {
            out += "\ncomplete -c perdure -n " + fish_quoted(seen) + " -l " +
                   std::string(option.name.substr(2)) + " -d " + fish_quoted(option.help);
        }
    }
    for (auto const& option : global_options()) {
        out += "\ncomplete -c perdure -l " + std::string(option.name.substr(2)) + " -d " +
               fish_quoted(option.help);
    }
    return out;
}

}  // namespace

Result<std::string> help_text(std::vector<std::string> const& topic, Style const& style,
                              unsigned columns) {
    Page const page{style, columns};
    if (topic.empty()) return overview(page);
    std::string words;
    CommandRow const* best = nullptr;
    for (auto const& word : topic) {
        words += (words.empty() ? "" : " ") + word;
        for (auto const& row : commands()) {
            if (row.words == words) best = &row;
        }
    }
    std::string out;
    bool const group = std::ranges::any_of(commands(), [&](CommandRow const& row) {
        return row.words.starts_with(topic.front() + " ");
    });
    if (group && topic.size() == 1) {
        out = style.bold("perdure " + topic.front()) + "\n\n";
        add_commands(out, topic.front(), page);
        out += "\n";
    }
    if (best) return out + one_command(*best, page);
    if (!out.empty()) return out + "perdure help " + topic.front() + " WORD tells more.";
    return unknown_command(topic);
}

std::string cli_reference() {
    std::string out =
        "# Commands\n\nGenerated by `perdure help --markdown` from the command "
        "table.\n";
    for (auto const& row : commands()) {
        out += "\n## " + usage_of(row) + "\n\n" + std::string(row.summary) + "\n";
        if (!row.options.empty()) out += "\n| option | meaning |\n|---|---|\n";
        for (auto const& option : row.options) {
            std::string value(option.value);
            for (auto at = value.find('|'); at != std::string::npos; at = value.find('|', at + 2)) {
                value.replace(at, 1, "\\|");
            }
            out += "| `" + std::string(option.name) + (value.empty() ? "" : " ") + value + "` | " +
                   std::string(option.help) + " |\n";
        }
        if (!row.example.empty()) out += "\n```\n" + std::string(row.example) + "\n```\n";
    }
    out += "\n## Every command takes\n\n| option | meaning |\n|---|---|\n";
    for (auto const& option : global_options()) {
        out += "| `" + std::string(option.name) + (option.value.empty() ? "" : " ") +
               std::string(option.value) + "` | " + std::string(option.help) + " |\n";
    }
    return out + "\n## Exit codes\n" + std::string(exit_codes);
}

Result<std::string> completion_script(std::string const& shell) {
    if (shell == "bash") return bash_script();
    if (shell == "zsh") return zsh_script();
    if (shell == "fish") return fish_script();
    return fail(Fault::invalid, "there is no completion for \"" + shell + "\"")
        .with_code(2)
        .with_fix("perdure completion bash|zsh|fish");
}

}  // namespace perdure::face
