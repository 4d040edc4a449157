#ifdef __clang__  // libstdc++ 12 sorts stably by what it itself calls deprecated
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
#endif

#include "origin/sqlite/media.h"

#include <fcntl.h>

#include <algorithm>

#include "data/mapping_path.h"
#include "origin/files/below.h"
#include "origin/sqlite/routing.h"

namespace perdure::origin {

namespace {

constexpr int samples_max = 100;
constexpr double certainty_min = 0.5;
constexpr std::size_t path_bytes_max = 4096;

/// The share of a column's sampled values that are files; negative: nothing to judge by.
Result<double> share_of_files(Connection& connection, std::string const& table,
                              std::string const& column, system::Path const& folder, int root) {
    std::string const name = identifier(column);
    PD_TRY(Statement rows,
           connection.prepare("SELECT DISTINCT " + name + " FROM main." + identifier(table) +
                              " WHERE typeof(" + name + ") = 'text' AND length(" + name +
                              ") BETWEEN 3 AND 1024 LIMIT " + std::to_string(samples_max)));
    int samples = 0, files = 0;
    for (;;) {
        PD_TRY(bool const more, rows.step());
        if (!more) break;
        ++samples;
        std::string const path = below_media(rows.text(0), folder);
        if (path.empty()) continue;
        system::File const file(open_beneath(root, path, O_PATH | O_NOFOLLOW));
        if (file.is_open()) ++files;
    }
    return samples == 0 ? -1.0 : static_cast<double>(files) / samples;
}

/// Whether the file or a folder above it is left out.
bool excludes_any(ExcludeRules const& rules, std::string const& path) {
    for (auto end = path.find('/'); end != path.npos; end = path.find('/', end + 1)) {
        if (rules.excludes(path.substr(0, end), true)) return true;
    }
    return rules.excludes(path, false);
}

}  // namespace

Result<std::vector<MediaColumn>> mapped_media(data::Mapping const& mapping, Layout const& layout) {
    std::vector<MediaColumn> columns;
    for (auto const& record : mapping.records) {
        auto const rule = record.fields.find("media");
        if (rule == record.fields.end()) continue;
        PD_TRY(data::MappingPath const path, data::parse_mapping_path(rule->second));
        bool const own = path.kind == data::MappingPath::Kind::column;
        auto const table = find_table(layout, own ? record.table : path.table);
        auto const column =
            table ? find_column(layout.schema.tables[*table], own ? path.column : path.value)
                  : std::optional<std::size_t>();
        if (!column) {
            return fail(Fault::invalid, "records." + record.type + ".media = \"" + rule->second +
                                            "\" names no column of the database");
        }
        columns.push_back({*table, *column, 1});
    }
    return columns;
}

Result<std::vector<MediaColumn>> probe_media(Connection& connection, Layout const& layout,
                                             system::Path const& folder) {
    std::vector<MediaColumn> found;
    PD_TRY(system::File root, system::File::open_to_read(folder));
    for (std::size_t table = 0; table < layout.schema.tables.size(); ++table) {
        auto const& schema = layout.schema.tables[table];
        if (schema.shadow || schema.name.starts_with("sqlite_")) continue;
        for (auto const column : layout.tables[table].stored) {
            PD_TRY(double const share,
                   share_of_files(connection, schema.name, schema.columns[column].name, folder,
                                  root.descriptor()));
            if (share >= certainty_min) found.push_back({table, column, share});
        }
    }
    std::ranges::stable_sort(found, std::greater<>{}, &MediaColumn::certainty);
    return found;
}

std::string below_media(std::string_view written, system::Path const& folder) {
    std::string_view path = written;
    if (path.starts_with("file://")) path.remove_prefix(7);
    if (path.size() > path_bytes_max || path.find("://") != path.npos ||
        path.find('\0') != path.npos) {
        return {};
    }
    std::string const absolute = folder.string() + "/";
    std::string const named = folder.filename().string() + "/";
    if (path.starts_with(absolute)) {
        path.remove_prefix(absolute.size());
    } else if (auto const at = path.rfind("/" + named); path.starts_with('/')) {
        if (at == path.npos) {
            path.remove_prefix(1);  // "/a/b.jpg": as a web server's root sees it
        } else {
            path.remove_prefix(at + 1 + named.size());
        }
    }
    while (path.starts_with("./")) path.remove_prefix(2);
    if (path.starts_with("../" + named)) path.remove_prefix(3);
    if (path.starts_with(named)) path.remove_prefix(named.size());
    std::string clean;
    for (std::size_t at = 0; at <= path.size();) {
        auto const end = std::min(path.find('/', at), path.size());
        auto const part = path.substr(at, end - at);
        at = end + 1;
        if (part.empty() || part == ".") continue;
        if (part == "..") return {};
        clean += (clean.empty() ? "" : "/") + std::string(part);
    }
    return clean;
}

bool leads_out(std::string_view written) {
    if (written.size() > path_bytes_max || written.find("://") != written.npos ||
        written.find('\0') != written.npos) {
        return false;
    }
    for (std::size_t at = 0; at <= written.size();) {
        auto const end = std::min(written.find('/', at), written.size());
        if (written.substr(at, end - at) == "..") return true;
        at = end + 1;
    }
    return false;
}

void MediaOwners::add(std::string path, ByteView subject, Named named) {
    for (auto end = path.rfind('/'); end != path.npos; end = path.rfind('/', end - 1)) {
        auto const [at, is_new] = folders_.try_emplace(path.substr(0, end));
        if (is_new) at->second.subject = to_bytes(subject);
        at->second.shared = at->second.shared || as_text(at->second.subject) != as_text(subject);
    }
    auto const [at, is_new] = owners_.try_emplace(std::move(path));
    Owner& owner = at->second;
    if (is_new) {
        owner.subject = to_bytes(subject);
        owner.named = std::move(named);
        if (owner.named.written == at->first) owner.named.written.clear();
        return;
    }
    owner.shared = owner.shared || as_text(owner.subject) != as_text(subject);
}

void MediaOwners::add_outside(Named named) {
    outside_.try_emplace(std::move(named.written), std::move(named.row));
}

ByteView MediaOwners::owner(std::string const& path, data::EntryKind kind) {
    auto const found = owners_.find(path);
    if (found == owners_.end()) {
        auto const folder = folders_.find(path);
        bool const one = folder != folders_.end() && !folder->second.shared;
        return one ? ByteView(folder->second.subject) : ByteView();
    }
    found->second.met = true;
    found->second.link = kind == data::EntryKind::symlink;
    return found->second.shared ? ByteView() : ByteView(found->second.subject);
}

/// What keeps the file that a row names from coming back with it; empty: nothing.
std::string MediaOwners::doubt(std::string const& path, Owner const& owner,
                               system::Path const& folder) {
    std::error_code error;
    auto const root = std::filesystem::canonical(folder, error);
    auto const file = std::filesystem::canonical(folder / path, error);
    if (error) {
        if (owner.link) return "is a link that leads to no file";
        auto const& written = owner.named.written;
        bool const elsewhere = written.starts_with('/') && system::exists(written);
        return elsewhere ? "lies outside the media folder, so it is not backed up"
                         : "the media file is missing";
    }
    auto const below = file.lexically_relative(root).string();
    if (below == ".." || below.starts_with("../"))
        return "is a link out of the media folder: the file it leads to is not backed up";
    if (below == path) return "was out of reach when the media folder was read";
    if (owner.subject.empty()) return {};  // the file is kept, and so is the link
    return "is reached through a link: the file it leads to is kept as nobody's and survives an "
           "erasure";
}

std::vector<data::Problem> MediaOwners::unmet(system::Path const& folder,
                                              ExcludeRules const& excluded) const {
    std::vector<data::Problem> problems;
    for (auto const& [path, owner] : owners_) {
        if (!owner.named.must_exist || (owner.met && !owner.link)) continue;
        if (!owner.met && excludes_any(excluded, path)) continue;
        auto const reason = doubt(path, owner, folder);
        if (reason.empty()) continue;
        auto const& written = owner.named.written;
        problems.push_back(
            {written.empty() ? path : written, reason + "; " + owner.named.row + " names it"});
    }
    for (auto const& [written, row] : outside_) {
        problems.push_back({written, "lies outside the media folder, so it is not backed up; " +
                                         row + " names it"});
    }
    std::ranges::sort(problems, {}, &data::Problem::path);
    return problems;
}

}  // namespace perdure::origin
