#include "job/history/find.h"

#include <algorithm>
#include <map>
#include <set>

#include "job/diff/value_text.h"
#include "job/history/related.h"
#include "job/history/row_record.h"
#include "job/history/text_search.h"
#include "job/source_options.h"
#include "repository/diff/diff_rows.h"
#include "repository/diff/diff_trees.h"
#include "repository/history/scan_rows.h"

namespace perdure::job {

namespace {

using repository::PresenceSets;
using repository::RowSighting;
using repository::SourceSnapshot;

std::string spell(data::Value const& value) {
    if (auto const* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    return {};
}

/// What all parts of one search share.
struct Search {
    FindRequest const& request;
    FindReport& report;
    repository::ReadContext& context;
    std::stop_token stop;
    std::optional<TextSearch> text;

    void keep(Found found) {
        if (report.found.size() < request.max) {
            report.found.push_back(std::move(found));
        } else {
            ++report.left_out;
        }
    }
    bool takes_path(std::string const& source, std::string_view path) const {
        return takes(source,
                     [&](data::Selector const& each) { return data::selects_path(each, path); });
    }
    template <typename Test>
    bool takes(std::string const& source, Test const& test) const {
        if (request.select.empty()) return true;
        return std::ranges::any_of(request.select, [&](data::Selector const& each) {
            return each.source == source &&
                   (each.kind == data::Selector::Kind::whole || test(each));
        });
    }
};

// ---- rows
// ---------------------------------------------------------------------------------------

/// The search in one database over all snapshots.
class RowsSearch {
public:
    RowsSearch(Search& search, std::string source,
               std::vector<SourceSnapshot const*> const& snapshots)
        : search_(search),
          source_(std::move(source)),
          snapshots_(snapshots),
          sets_(snapshots.size()) {
        for (auto const* snapshot : snapshots) {
            if (snapshot) mapping_ = source_options(*snapshot).mapping;
        }
        if (search_.text) {
            auto const& term = search_.text->text();
            numeric_ = std::ranges::all_of(
                term, [](char c) { return (c >= '0' && c <= '9') || c == '-'; });
        }
    }

    Result<void> run() {
        PD_CHECK(check_condition());
        PD_CHECK(read_related());
        repository::RowScanOptions options;
        options.each = [&](RowSighting const& sighting) { return look(sighting); };
        // A text stands in its block as it is; only numbers and other encodings do
        // not.
        if (search_.text && !numeric_ && all_utf8()) {
            options.may_matter = [&](ByteView block) {
                bool const here = search_.text->find(as_text(block)) != std::string_view::npos;
                return here || block_may_outline(block);
            };
        }
        auto const problems = search_.context.problems.size();
        PD_TRY(auto const report,
               repository::scan_rows(snapshots_, options, sets_, search_.context, search_.stop));
        search_.report.blocks_read += report.blocks_read;
        search_.report.blocks_named += report.blocks_named;
        search_.report.erased_subjects += report.erased_subjects;
        for (auto i = problems; i < search_.context.problems.size(); ++i) {
            search_.report.problems.push_back(search_.context.problems[i]);
        }
        for (auto& [key, version] : versions_) {
            version.found.first = sets_.first(version.in);
            version.found.last = sets_.last(version.in);
            version.found.snapshots = sets_.count(version.in);
            search_.keep(std::move(version.found));
        }
        return {};
    }

private:
    struct Version {
        Found found;
        PresenceSets::Id in = 0;
    };
    /// Table, key and digest of what the row says: the same row in several blocks
    /// is one finding.
    using Key = std::tuple<std::string, std::string, crypto::Digest>;

    data::RecordMapping const* mapping_of(std::string const& table) const {
        auto const at = std::ranges::find(mapping_.records, table, &data::RecordMapping::table);
        return at == mapping_.records.end() ? nullptr : &*at;
    }

    Result<void> check_condition() {
        if (!search_.request.where) return {};
        std::set<std::string> columns;
        for (auto const* snapshot : snapshots_) {
            if (!snapshot) continue;
            PD_TRY(auto const schema,
                   repository::read_schema(*snapshot, search_.context, search_.stop));
            for (auto const& table : schema.tables) {
                for (auto const& column : table.columns) columns.insert(column.name);
            }
        }
        data::RecordType any;
        any.columns.assign(columns.begin(), columns.end());
        PD_CHECK(search_.request.where->check({any}));
        PD_TRY(related_, RelatedRows::create(mapping_, *search_.request.where, columns));
        return {};
    }

    /// Tables that the condition leads to are read first, whatever they belong
    /// to.
    Result<void> read_related() {
        if (related_.empty()) return {};
        repository::RowScanOptions options;
        options.each = [&](RowSighting const& sighting) -> Result<void> {
            if (!sighting.table || !related_.asks_for(sighting.table->name)) return {};
            PD_TRY(std::optional<Bytes> const payload, load(sighting));
            if (!payload) return {};
            PD_TRY(std::string id, repository::row_id(*sighting.table, sighting.row.key, *payload));
            PD_TRY(RowRecord row, RowRecord::create(*sighting.table, nullptr, *payload,
                                                    sighting.encoding, std::move(id)));
            return related_.take(row, sighting.in, sets_);
        };
        PD_TRY(auto const report,
               repository::scan_rows(snapshots_, options, sets_, search_.context, search_.stop));
        search_.report.blocks_read += report.blocks_read;
        search_.report.blocks_named += report.blocks_named;
        return {};
    }

    bool all_utf8() {
        for (auto const* snapshot : snapshots_) {
            if (!snapshot) continue;
            auto const schema = repository::read_schema(*snapshot, search_.context, search_.stop);
            if (!schema) return false;
            auto const encoding = schema->settings.find("encoding");
            if (encoding != schema->settings.end() && encoding->second.starts_with("UTF-16")) {
                return false;
            }
        }
        return true;
    }

    /// Large values lie beside their block: rows that have one must be looked at.
    static bool block_may_outline(ByteView block) {
        repository::RowBlockReader rows(block);
        while (true) {
            auto const row = rows.next();
            if (!row || !*row) return false;
            if ((*row)->outlined) return true;
        }
    }

    Result<void> look(RowSighting const& sighting) {
        if (!sighting.table) return look_at_media(sighting);
        auto const& table = *sighting.table;
        if (table.shadow) return {};
        auto const* mapping = mapping_of(table.name);
        bool const wanted = search_.takes(source_, [&](data::Selector const& each) {
            return each.type == table.name || (mapping && each.type == mapping->type);
        });
        if (!wanted) return {};
        if (search_.text && !numeric_ && !sighting.row.outlined &&
            !sighting.encoding.starts_with("UTF-16") &&
            search_.text->find(as_text(sighting.row.payload)) == std::string_view::npos) {
            return {};
        }
        // A large value that neighbours carried into another block is not fetched
        // again.
        crypto::Digest beside;
        if (sighting.row.outlined && related_.empty()) {
            Bytes name = to_bytes(table.name);
            append(name, sighting.row.key);
            append(name, sighting.row.payload);
            beside = crypto::sha256(name);
            auto const seen = outlined_.find(beside);
            if (seen != outlined_.end()) {
                auto const known = versions_.find(seen->second);
                if (known != versions_.end()) {
                    known->second.in = sets_.unite(known->second.in, sighting.in);
                }
                return {};
            }
        }
        PD_TRY(std::optional<Bytes> const payload, load(sighting));
        if (!payload) return {};
        Key key{table.name, "", {}};
        if (sighting.row.outlined && related_.empty()) outlined_[beside] = key;
        PD_TRY(std::string id, repository::row_id(table, sighting.row.key, *payload));
        PD_TRY(RowRecord row, RowRecord::create(table, mapping, *payload, sighting.encoding, id));
        Found found;
        PresenceSets::Id in = sighting.in;
        if (search_.request.where) {
            auto const holds =
                related_.where_it_holds(row, mapping, in, *search_.request.where, sets_);
            if (!holds) return {};
            in = *holds;
        }
        if (search_.text && !match(row, found)) return {};
        bool const chosen = search_.takes(source_, [&](data::Selector const& each) {
            return each.kind != data::Selector::Kind::record || each.id == id;
        });
        if (!chosen) return {};
        found.source = source_;
        found.table = table.name;
        found.type = mapping ? mapping->type : "";
        found.id = id;
        found.title = row.title();
        key = {table.name, std::move(id), crypto::sha256(*payload)};
        if (sighting.row.outlined && related_.empty()) outlined_[beside] = key;
        keep(std::move(key), std::move(found), in);
        return {};
    }

    /// A value beside its row that cannot be read is named, and the search goes
    /// on.
    Result<std::optional<Bytes>> load(RowSighting const& sighting) {
        auto payload = repository::payload_of(sighting, search_.context.blobs, search_.stop);
        if (payload) return std::optional<Bytes>(std::move(*payload));
        if (payload.error().fault() == Fault::cancelled) return payload.error();
        search_.report.problems.push_back(
            {source_ + ": a large value of " + sighting.table->name, payload.error().message()});
        return std::optional<Bytes>();
    }

    bool match(RowRecord& row, Found& found) const {
        for (auto const& [name, value] : row.values()) {
            std::string const number = numeric_ ? spell(value) : std::string();
            if (!number.empty() && number == search_.text->text()) {
                found.field = name;
                found.excerpt = number;
                return true;
            }
            auto const* text = std::get_if<data::Text>(&value);
            if (!text) continue;
            auto const at = search_.text->find(text->bytes);
            if (at == std::string_view::npos) continue;
            found.field = name;
            found.excerpt = search_.text->excerpt(text->bytes, at);
            return true;
        }
        return false;
    }

    Result<void> look_at_media(RowSighting const& sighting) {
        if (sighting.row.key.empty()) return {};  // the media folder itself
        if (!search_.text) return {};
        std::string const path = to_string(sighting.row.key);
        auto const at = search_.text->find(path);
        if (at == std::string::npos || !search_.takes_path(source_, path)) return {};
        Found found;
        found.source = source_;
        found.file = true;
        found.path = path;
        found.field = "name";
        found.excerpt = search_.text->excerpt(path, at);
        keep({"", path, crypto::sha256(sighting.row.payload)}, std::move(found), sighting.in);
        return {};
    }

    void keep(Key key, Found found, PresenceSets::Id in) {
        auto const known = versions_.find(key);
        if (known != versions_.end()) {
            known->second.in = sets_.unite(known->second.in, in);
        } else if (versions_.size() < search_.request.max) {
            versions_.emplace(std::move(key), Version{std::move(found), in});
        } else {
            ++search_.report.left_out;
        }
    }

    Search& search_;
    std::string source_;
    std::vector<SourceSnapshot const*> const& snapshots_;
    PresenceSets sets_;
    data::Mapping mapping_;
    bool numeric_ = false;
    std::map<Key, Version> versions_;
    std::map<crypto::Digest, Key> outlined_;
    RelatedRows related_;
};

// ---- files
// --------------------------------------------------------------------------------------

/// The search in one tree: the first snapshot whole, then what each later one
/// changed.
class FilesSearch {
public:
    FilesSearch(Search& search, std::string source,
                std::vector<SourceSnapshot const*> const& snapshots)
        : search_(search),
          source_(std::move(source)),
          snapshots_(snapshots),
          content_(*search.text, search.context.blobs, search.context.domains.common()) {}

    Result<void> run() {
        SourceSnapshot const* before = nullptr;
        std::size_t last = 0;
        for (std::size_t i = 0; i < snapshots_.size(); ++i) {
            // A snapshot without the source says nothing about it.
            if (!snapshots_[i]) continue;
            repository::TreeDiffOptions options;
            options.each = [&](repository::EntryDifference const& entry) {
                return take(entry, i, last);
            };
            PD_CHECK(repository::diff_trees(before, snapshots_[i], options, search_.context.blobs,
                                            search_.context.domains.common(), search_.stop));
            before = snapshots_[i];
            last = i;
            held_.push_back(i);
        }
        for (auto& [path, found] : open_) close(std::move(found), last);
        search_.report.contents_read += content_.pieces_read();
        return {};
    }

private:
    Result<void> take(repository::EntryDifference const& entry, std::size_t now,
                      std::size_t before) {
        using Kind = repository::EntryDifference::Kind;
        if (!search_.takes_path(source_, entry.path)) return {};
        // Metadata alone changes neither name nor content.
        if (entry.kind == Kind::changed && !entry.content) return {};
        if (auto const at = open_.find(entry.path);
            entry.kind != Kind::added && at != open_.end()) {
            close(std::move(at->second), before);
            open_.erase(at);
        }
        if (entry.kind == Kind::removed) return {};
        Found found;
        PD_TRY(bool const matches, look(entry.path, *entry.after, found));
        if (!matches) return {};
        found.source = source_;
        found.file = true;
        found.path = entry.path;
        found.first = now;
        if (open_.size() + search_.report.found.size() < search_.request.max) {
            open_.insert_or_assign(entry.path, std::move(found));
        } else {
            ++search_.report.left_out;
        }
        return {};
    }

    Result<bool> look(std::string const& path, repository::TreeRecord const& record, Found& found) {
        auto const slash = path.rfind('/');
        std::string_view const name =
            std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
        if (auto const at = search_.text->find(name); at != std::string_view::npos) {
            found.field = "name";
            found.excerpt = search_.text->excerpt(name, at);
            return true;
        }
        if (record.entry.kind != data::EntryKind::file) return false;
        auto const content = content_.find(record.list, search_.stop);
        if (!content) {
            if (content.error().fault() == Fault::cancelled) return content.error();
            search_.report.problems.push_back({source_ + ": " + path, content.error().message()});
            return false;
        }
        if (!*content) return false;
        found.field = "content";
        found.excerpt = **content;
        return true;
    }

    void close(Found found, std::size_t last) {
        found.last = last;
        found.snapshots = static_cast<std::size_t>(std::ranges::count_if(
            held_, [&](std::size_t i) { return i >= found.first && i <= last; }));
        search_.keep(std::move(found));
    }

    Search& search_;
    std::string source_;
    std::vector<SourceSnapshot const*> const& snapshots_;
    ContentSearch content_;
    std::vector<std::size_t> held_;  ///< snapshots walked so far
    std::map<std::string, Found> open_;
};

struct Source {
    bool rows = false;
    std::vector<SourceSnapshot const*> snapshots;
};

}  // namespace

Result<FindReport> find(repository::Repository& repository, FindRequest const& request,
                        std::stop_token stop) {
    FindReport report;
    if (request.text.empty() && !request.where) {
        return fail(Fault::invalid, "nothing to look for")
            .with_code(2)
            .with_fix("perdure backup find TEXT, or --where CONDITION");
    }
    std::map<std::pair<std::string, bool>, Source> sources;
    for (std::size_t i = 0; i < request.snapshots.size(); ++i) {
        for (auto const& source : request.snapshots[i].sources) {
            auto& one = sources[{source.name, source.rows}];
            one.rows = source.rows;
            one.snapshots.resize(request.snapshots.size());
            one.snapshots[i] = &source;
        }
    }
    auto context = repository.read_context();
    Search search{request, report, context, stop, std::nullopt};
    if (!request.text.empty()) search.text.emplace(request.text, request.exact_case);
    for (auto const& [key, source] : sources) {
        auto const& name = key.first;
        bool const wanted = request.select.empty() ||
                            std::ranges::find(request.select, name, &data::Selector::source) !=
                                request.select.end();
        if (!wanted || (!source.rows && request.where)) continue;
        if (source.rows) {
            PD_CHECK(RowsSearch(search, name, source.snapshots).run());
        } else {
            PD_CHECK(FilesSearch(search, name, source.snapshots).run());
        }
    }
    std::ranges::stable_sort(report.found, [](Found const& a, Found const& b) {
        return std::tie(a.source, a.table, a.path, a.id, a.first) <
               std::tie(b.source, b.table, b.path, b.id, b.first);
    });
    return report;
}

}  // namespace perdure::job
