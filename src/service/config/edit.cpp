#include "service/config/edit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/below.h"
#include "base/utf8.h"
#include "service/config/config.h"
#include "service/config/units.h"

namespace perdure::service {
namespace {

/// As a person would write it: relative where it lies below the configuration's folder.
std::string spell_path(system::Path const& path, system::Path const& folder) {
    bool const below = is_below(path, folder);
    return toml_text(below ? path.lexically_relative(folder).string() : path.string());
}

class Writer {
public:
    explicit Writer(Remarks const& remarks) : remarks_(remarks) {}

    void section(std::string const& name) { out_ += (out_.empty() ? "[" : "\n[") + name + "]\n"; }

    void line(std::string const& key, std::string const& value, std::string const& about = {}) {
        std::string text = key + " = " + value;
        auto const remark = remarks_.find(about.empty() ? key : about);
        if (remark != remarks_.end()) {
            text.append(text.size() < 44 ? 44 - text.size() : 1, ' ');
            text += "# " + remark->second;
        }
        out_ += text + "\n";
    }

    std::string take() { return std::move(out_); }

private:
    Remarks const& remarks_;
    std::string out_;
};

std::string array_of(std::vector<std::string> const& words) {
    std::string out;
    for (auto const& word : words) out += (out.empty() ? "" : ", ") + toml_text(word);
    return "[" + out + "]";
}

std::string table_of(std::map<std::string, std::string> const& map) {
    std::string out;
    for (auto const& [key, value] : map) {
        out += (out.empty() ? "" : ", ") + toml_key(key) + " = " + toml_text(value);
    }
    return "{ " + out + " }";
}

/// Record fields in the order of the field table, then those that only `fields = {…}` can hold.
void write_record(Writer& out, std::string const& at, data::RecordMapping const& record) {
    std::string const about = "records." + record.type + ".";
    out.section(at + ".records." + toml_key(record.type));
    out.line("table", toml_text(record.table), about + "table");
    std::map<std::string, std::string> rest = record.fields;
    auto const model = rest.find("embedding_model"), dtype = rest.find("embedding_dtype");
    if (rest.contains("embedding") && (model != rest.end() || dtype != rest.end())) {
        std::map<std::string, std::string> table{{"column", rest["embedding"]}};
        if (model != rest.end()) table["model"] = model->second;
        if (dtype != rest.end()) table["dtype"] = dtype->second;
        for (auto const* word : {"embedding", "embedding_model", "embedding_dtype"})
            rest.erase(word);
        out.line("embedding", table_of(table), about + "embedding");
    }
    for (auto const& field : fields()) {
        constexpr std::string_view prefix = "source.*.records.*.";
        if (!field.path.starts_with(prefix) || field.type == FieldType::map) continue;
        std::string const word(field.path.substr(prefix.size()));
        auto const found = rest.find(word);
        if (found == rest.end()) continue;
        out.line(word, toml_text(found->second), about + word);
        rest.erase(found);
    }
    if (!rest.empty()) out.line("fields", table_of(rest), about + "fields");
}

Result<std::string> read_text(system::Path const& file) {
    PD_TRY(Bytes raw, system::read_file(file, 1 << 20));
    return to_string(raw);
}

/// Writes only what parses; the file's mode is kept private.
Result<void> write_checked(system::Path const& file, std::string const& text) {
    if (!is_utf8(text)) {
        return fail(Fault::invalid,
                    "a name that is no UTF-8 cannot stand in a configuration; nothing was changed")
            .with_code(2)
            .with_fix("rename it, or name a symbolic link to it");
    }
    auto const loaded = parse_config(text, file);
    if (!loaded.config) {
        return fail(Fault::invalid, "the change would leave the configuration with faults\n" +
                                        describe_faults(file, loaded.faults))
            .with_code(201)
            .with_fix("nothing was changed; correct " + file.string() + " first");
    }
    return system::write_file(file, as_bytes(text), {.mode = 0600});
}

}  // namespace

std::string toml_text(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\u{:04x}", byte);
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string toml_key(std::string_view key) {
    bool const bare = !key.empty() && std::ranges::all_of(key, [](char c) {
        return is_ascii_alphanumeric(c) || c == '-' || c == '_';
    });
    return bare ? std::string(key) : toml_text(key);
}

std::string source_sections(origin::SourceOptions const& source, system::Path const& folder,
                            Remarks const& remarks) {
    Writer out(remarks);
    std::string const at = "source." + toml_key(source.name);
    out.section(at);
    out.line("type", toml_text(source.type));
    if (!source.path.empty()) out.line("path", spell_path(source.path, folder));
    if (!source.media.empty()) out.line("media", spell_path(source.media, folder));
    if (!source.command.empty()) out.line("command", array_of(source.command));
    if (!source.output_name.empty()) out.line("output_name", toml_text(source.output_name));
    if (!source.exclude.empty()) out.line("exclude", array_of(source.exclude));
    if (source.one_file_system) out.line("one_file_system", "true");
    if (!source.exclude_caches) out.line("exclude_caches", "false");
    if (!source.mask.empty()) out.line("mask", table_of(source.mask));
    if (auto const& subjects = source.mapping.subjects) {
        out.section(at + ".subjects");
        out.line("table", toml_text(subjects->table), "subjects.table");
        out.line("key", toml_text(subjects->key), "subjects.key");
        if (!subjects->label.empty()) {
            out.line("label", toml_text(subjects->label), "subjects.label");
        }
        if (!subjects->email.empty()) {
            out.line("email", toml_text(subjects->email), "subjects.email");
        }
        if (!subjects->owners.empty()) {
            out.line("owners", table_of(subjects->owners), "subjects.owners");
        }
    }
    for (auto const& record : source.mapping.records) write_record(out, at, record);
    return out.take();
}

std::string destination_section(std::string const& name, std::string const& path) {
    return "[destination." + toml_key(name) + "]\ntype = \"local\"\npath = " + toml_text(path) +
           "\n";
}

std::string starter_config(StarterConfig const& options) {
    std::string out = R"(# perdure.toml: what is protected, where the backups rest, what opens them.
# Every possible key, with its meaning: perdure config schema --markdown
# After a change: perdure config check
version = 1

# One encrypted repository. Without its key nobody can read it, you included:
# keep a copy of the recovery kit away from this machine.
[repository.main]
destinations = ["disk"]
)";
    out += "key = { file = " + toml_text(options.key_file) + " }\n\n";
    out +=
        "# Where the repository rests. A second place: perdure destination add NAME --path DIR\n";
    out += destination_section("disk", options.destination_path) + "\n";
    out += "# What is protected. Look around first: perdure source discover PATH\n";
    out += options.sources.empty() ? "# [source.app]\n# type = \"sqlite\"\n# path = \"app.db\"\n"
                                   : options.sources;
    out += R"(
# What backup cleanup keeps: the newest, and the newest of each day, week and month.
[retention.default]
last = 3
daily = 7
weekly = 5
monthly = 12

# When status turns from green to overdue.
[objectives]
rpo = "26h"          # the newest backup may be this old
check_every = "7d"   # backup verify, repo check
drill_every = "30d"  # restore drill
)";
    return out;
}

namespace {

/// Fails: conflict, invalid (what cannot be a name).
Result<void> check_new(std::string const& before, system::Path const& file,
                       std::string const& section) {
    if (auto const name = section.substr(section.find('.') + 1); !name_is_fit(name)) {
        return fail(Fault::invalid, "\"" + name + "\" cannot be a name; nothing was changed")
            .with_code(2)
            .with_fix("use letters, digits, '-', '_' and '.', at most 64");
    }
    auto const loaded = parse_config(before, file);
    bool const there =
        loaded.config && std::ranges::any_of(loaded.config->settings.sections,
                                             [&](Section const& s) { return s.path == section; });
    if (!there) return {};
    return fail(Fault::conflict, "[" + section + "] is there already")
        .with_fix("choose another name, or edit " + file.string());
}

std::string with_section(std::string before, std::string const& text) {
    if (!before.empty() && before.back() != '\n') before += '\n';
    return before + "\n" + text;
}

/// Where a word can be added to the array of strings that begins at or after `at`: behind its last
/// word. Brackets, quotes and commas of comments and of words count for nothing.
struct ArrayEnd {
    std::size_t at = std::string::npos;
    bool empty = true;
};
ArrayEnd end_of_words(std::string_view text, std::size_t at) {
    ArrayEnd out;
    at = text.find('[', at);
    for (std::size_t i = at; i < text.size(); ++i) {
        if (text[i] == '#') {
            i = std::min(text.find('\n', i), text.size());
        } else if (text[i] == '"' || text[i] == '\'') {
            char const quote = text[i];
            for (++i; i < text.size() && text[i] != quote; ++i)
                if (text[i] == '\\' && quote == '"') ++i;
            out = {i + 1, false};
        } else if (text[i] == ']') {
            if (out.empty) out.at = i;
            return out;
        }
    }
    return {};
}

/// The text with one more word in the repository's array of destinations.
Result<std::string> with_destination(std::string text, system::Path const& file,
                                     std::string const& repository,
                                     std::string const& destination) {
    auto const loaded = parse_config(text, file);
    auto const path = "repository." + repository + ".destinations";
    auto const* setting = loaded.config ? loaded.config->settings.find(path) : nullptr;
    if (!setting) return fail(Fault::not_found, "there is no [repository." + repository + "]");
    std::size_t at = 0;
    for (int line = 1; line < setting->place.line; ++line) at = text.find('\n', at) + 1;
    auto const end = end_of_words(text, at);
    if (end.at > text.size()) return fail(Fault::internal, "no end of the array");
    text.insert(end.at, (end.empty ? "" : ", ") + toml_text(destination));
    return text;
}

}  // namespace

Result<void> append_sections(system::Path const& file, std::string const& section,
                             std::string const& text) {
    PD_TRY(std::string before, read_text(file));
    PD_CHECK(check_new(before, file, section));
    return write_checked(file, with_section(std::move(before), text));
}

Result<void> add_repository_destination(system::Path const& file, std::string const& repository,
                                        std::string const& destination) {
    PD_TRY(std::string text, read_text(file));
    PD_TRY(text, with_destination(std::move(text), file, repository, destination));
    return write_checked(file, text);
}

Result<void> add_destination(system::Path const& file, std::string const& repository,
                             std::string const& destination, std::string const& section) {
    PD_TRY(std::string text, read_text(file));
    PD_CHECK(check_new(text, file, "destination." + destination));
    PD_TRY(text, with_destination(std::move(text), file, repository, destination));
    return write_checked(file, with_section(std::move(text), section));
}

}  // namespace perdure::service
