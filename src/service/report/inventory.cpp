#include "service/report/inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "origin/discover/inventory.h"
#include "service/report/coverage.h"

namespace perdure::service {
namespace {

constexpr std::size_t lines_max = 5000;

class Body {
public:
    Body(Config const& config, std::vector<std::string>& lines) : config_(config), lines_(lines) {}

    data::Json item(system::Path const& path, std::string const& what) {
        auto const source = covered_by(config_, path);
        data::Json out;
        out.put_path("path", path.string()).put("protected_by", source);
        ++(source.empty() ? open_ : covered_);
        if (!source.empty()) ++by_source_[source];
        if (lines_.size() < lines_max) {
            lines_.push_back(fmt::format(
                "  {:<14} {}  {}", source.empty() ? "NOT PROTECTED" : source, path.string(), what));
        }
        return out;
    }

    std::uint64_t covered() const { return covered_; }
    std::uint64_t open() const { return open_; }
    /// Findings by the source that takes them in.
    std::map<std::string, std::uint64_t> const& by_source() const { return by_source_; }

private:
    Config const& config_;
    std::vector<std::string>& lines_;
    std::uint64_t covered_ = 0, open_ = 0;
    std::map<std::string, std::uint64_t> by_source_;
};

data::Json databases(Body& body, origin::Inventory const& inventory) {
    data::Json out{data::Json::Array{}};
    for (auto const& found : inventory.databases) {
        auto one = body.item(found.path, fmt::format("{} database, {} tables, {} rows",
                                                     found.engine, found.tables, found.rows));
        one.put("engine", found.engine).put("bytes", found.size_bytes);
        one.put("tables", found.tables).put("rows", found.rows);
        out.add(one.put("trouble", found.trouble));
    }
    return out;
}

data::Json folders(Body& body, origin::Inventory const& inventory) {
    data::Json out{data::Json::Array{}};
    for (auto const& found : inventory.media) {
        auto one = body.item(found.path, fmt::format("{} media files", found.files));
        out.add(one.put("files", found.files).put("bytes", found.bytes));
    }
    return out;
}

data::Json repositories(Body& body, origin::Inventory const& inventory) {
    data::Json out{data::Json::Array{}};
    for (auto const& found : inventory.repositories) {
        auto one = body.item(found.path, "git repository");
        out.add(one.put("bare", found.bare).put("bytes", found.bytes));
    }
    return out;
}

data::Json files(Body& body, std::vector<origin::FoundFile> const& list, char const* what) {
    data::Json out{data::Json::Array{}};
    for (auto const& found : list) {
        auto one = body.item(found.path, fmt::format("{} {}", what, found.note));
        out.add(one.put("bytes", found.bytes).put("note", found.note));
    }
    return out;
}

data::Json certificates(Body& body, origin::Inventory const& inventory) {
    data::Json out{data::Json::Array{}};
    for (auto const& found : inventory.certificates) {
        auto one = body.item(found.path, fmt::format("certificate of {}, until {}", found.subject,
                                                     to_rfc3339(found.not_after)));
        one.put("subject", found.subject).put("issuer", found.issuer);
        one.put("not_after", to_rfc3339(found.not_after)).put_path("key", found.key.string());
        out.add(one.put("trouble", found.trouble));
    }
    return out;
}

/// A source protects what its rules take in once it was backed up; until then it only promises to.
/// Names those of which this machine's log knows no backup, and counts what they take in.
std::uint64_t never_backed_up(Workspace& workspace, Body const& items, data::Json& names) {
    std::uint64_t out = 0;
    auto* log = workspace.runs();
    for (auto const& [source, count] : items.by_source()) {
        auto const last =
            log ? log->last("backup", source, {catalog::Outcome::ok, catalog::Outcome::partial})
                : Result<std::optional<catalog::Run>>();
        if (last && *last) continue;
        names.add(source);
        out += count;
    }
    return out;
}

}  // namespace

Result<data::Json> inventory_body(Workspace& workspace, system::Path const& place,
                                  std::vector<std::string>& lines) {
    std::error_code error;
    auto const root = std::filesystem::absolute(place, error).lexically_normal();
    PD_TRY(auto const inventory, origin::discover(root, workspace.stop()));
    Body items(workspace.config(), lines);
    data::Json body;
    body.put_path("place", root.string());
    body.put("files", inventory.files).put("bytes", inventory.bytes);
    body.put("databases", databases(items, inventory)).put("media", folders(items, inventory));
    body.put("git_repositories", repositories(items, inventory));
    body.put("configurations", files(items, inventory.configs, "configuration"));
    body.put("logs", files(items, inventory.logs, "log"));
    body.put("others", files(items, inventory.others, "file"));
    body.put("certificates", certificates(items, inventory));
    data::Json unread{data::Json::Array{}};
    for (auto const& found : inventory.not_covered) {
        data::Json one;
        one.put_path("path", found.path.string()).put("why", found.why);
        unread.add(std::move(one));
        if (lines.size() < lines_max) {
            lines.push_back(fmt::format("  left aside     {}  {}", found.path.string(), found.why));
        }
    }
    body.put("left_aside", std::move(unread));
    body.put("protected", items.covered()).put("not_protected", items.open());
    data::Json never{data::Json::Array{}};
    auto const promised = never_backed_up(workspace, items, never);
    body.put("never_backed_up", std::move(never));
    lines.insert(lines.begin(),
                 fmt::format("{}: {} files; {} findings protected by a source, {} not",
                             root.string(), inventory.files, items.covered(), items.open()));
    if (promised > 0) {
        lines.insert(lines.begin() + 1,
                     fmt::format("{} of these by sources of which this machine's log knows no "
                                 "backup yet: so far they are protected by nothing",
                                 promised));
    }
    return body;
}

}  // namespace perdure::service
