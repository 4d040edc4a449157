#include "job/history/history.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/ascii.h"
#include "job/diff/value_text.h"
#include "job/history/extract.h"
#include "job/source_options.h"
#include "origin/records/foreign_keys.h"
#include "repository/diff/diff_trees.h"
#include "repository/history/scan_rows.h"
#include "repository/tree/tree_walk.h"

namespace perdure::job {

namespace {

using repository::PresenceSets;
using repository::RowSighting;
using repository::SourceSnapshot;
using Values = std::vector<std::pair<std::string, data::Value>>;

/// What is known of the record or file in one snapshot.
struct State {
    bool asked = false;       ///< the snapshot has the source
    std::size_t variant = 0;  ///< 0: absent; equal numbers are equal states
};

/// Joins equal neighbours into versions; `fill` completes one that is there.
template <typename Fill>
void join_states(std::vector<State> const& states, HistoryReport& report, Fill const& fill) {
    std::optional<std::size_t> previous;
    std::optional<std::size_t> last_variant;
    for (std::size_t i = 0; i < states.size(); ++i) {
        if (!states[i].asked) continue;
        bool const begins =
            !last_variant ? states[i].variant != 0 : *last_variant != states[i].variant;
        if (begins) {
            Version version;
            version.number = report.versions.size() + 1;
            version.first = version.last = i;
            version.before = previous;
            version.absent = states[i].variant == 0;
            if (!version.absent) fill(version, states[i].variant, last_variant.value_or(0));
            report.versions.push_back(std::move(version));
            last_variant = states[i].variant;
        } else if (last_variant) {
            report.versions.back().last = i;
        }
        previous = i;
    }
}

// ---- records ------------------------------------------------------------------------------------

class RecordHistory {
public:
    RecordHistory(repository::Repository& repository, HistoryRequest const& request,
                  std::vector<SourceSnapshot const*> snapshots, std::stop_token stop)
        : request_(request),
          snapshots_(std::move(snapshots)),
          sets_(snapshots_.size()),
          context_(repository.read_context()),
          stop_(std::move(stop)) {}

    Result<HistoryReport> run() {
        PD_CHECK(find_table());
        PD_CHECK(collect());
        if (variants_.empty()) return not_found();
        PD_CHECK(collect_referrers());
        std::vector<State> states(snapshots_.size());
        for (std::size_t i = 0; i < snapshots_.size(); ++i) {
            states[i].asked = snapshots_[i] != nullptr;
            for (std::size_t v = 0; v < variants_.size(); ++v) {
                if (sets_.members(variants_[v].in)[i]) states[i].variant = v + 1;
            }
        }
        join_states(states, report_, [&](Version& version, std::size_t now, std::size_t before) {
            fill(version, now, before);
        });
        report_.problems.insert(report_.problems.end(), context_.problems.begin(),
                                context_.problems.end());
        if (request_.restore != 0) PD_CHECK(restore());
        return std::move(report_);
    }

private:
    struct Variant {
        data::TableSchema table;
        Bytes payload;
        repository::Handle handle;
        Values values;
        PresenceSets::Id in = 0;
    };

    Error not_found() const {
        auto const erased = report_.erased_subjects;
        return fail(Fault::not_found, "no snapshot holds " + request_.what.text)
            .with_code(1)
            .with_fix(erased > 0 ? "it may have belonged to an erased person; what is destroyed "
                                   "cannot be told apart"
                                 : "perdure backup find TEXT looks for it by what it says");
    }

    Result<void> find_table() {
        auto const& type = request_.what.type;
        report_.type = type;
        report_.table = type;
        for (auto const* snapshot : snapshots_) {
            if (!snapshot) continue;
            for (auto const& record : source_options(*snapshot).mapping.records) {
                if (record.type != type) continue;
                report_.table = record.table;
                mapping_ = record;
            }
            PD_TRY(auto const schema, repository::read_schema(*snapshot, context_, stop_));
            PD_TRY(auto keys, origin::foreign_keys(schema));
            for (auto& key : keys) {
                if (!ascii_same(key.parent, report_.table)) continue;
                bool const known = std::ranges::any_of(keys_, [&](auto const& other) {
                    return other.table == key.table && other.columns == key.columns;
                });
                if (!known) keys_.push_back(std::move(key));
            }
        }
        return {};
    }

    Result<void> collect() {
        repository::RowScanOptions options;
        options.each = [&](RowSighting const& sighting) { return look(sighting); };
        PD_TRY(auto const report,
               repository::scan_rows(snapshots_, options, sets_, context_, stop_));
        report_.erased_subjects = report.erased_subjects;
        return {};
    }

    Result<void> look(RowSighting const& sighting) {
        if (!sighting.table) return {};
        bool const own = sighting.table->name == report_.table;
        bool const refers = std::ranges::any_of(
            keys_, [&](auto const& key) { return ascii_same(key.table, sighting.table->name); });
        if (!own && !refers) return {};
        // A large row of another table is worth a fetch only when it can refer to ours.
        PD_TRY(Bytes payload, repository::payload_of(sighting, context_.blobs, stop_));
        PD_TRY(std::string const id,
               repository::row_id(*sighting.table, sighting.row.key, payload));
        if (own && id == request_.what.id) {
            PD_CHECK(take_variant(sighting, std::move(payload)));
            return {};
        }
        return refers ? take_referrer(sighting, payload, id) : Result<void>();
    }

    Result<void> take_variant(RowSighting const& sighting, Bytes payload) {
        auto const same = std::ranges::find_if(variants_, [&](Variant const& variant) {
            return variant.payload == payload && variant.handle == sighting.domain->handle() &&
                   variant.table.columns.size() == sighting.table->columns.size();
        });
        if (same != variants_.end()) {
            same->in = sets_.unite(same->in, sighting.in);
            return {};
        }
        Variant variant{
            *sighting.table, std::move(payload), sighting.domain->handle(), {}, sighting.in};
        PD_TRY(variant.values, repository::decode_fields(variant.table, variant.payload));
        for (auto& [name, value] : variant.values) {
            value = as_utf8(std::move(value), sighting.encoding);
        }
        variants_.push_back(std::move(variant));
        return {};
    }

    /// Referrers are kept by what they point to; which of them point to the record is clear only
    /// when the record's own values are known. Keys are usually its id, so most can go at once.
    Result<void> take_referrer(RowSighting const& sighting, ByteView payload,
                               std::string const& id) {
        PD_TRY(Values const values, repository::decode_fields(*sighting.table, payload));
        for (auto const& key : keys_) {
            if (!ascii_same(key.table, sighting.table->name)) continue;
            Encoder wanted;
            bool null = false;
            std::string column;
            for (auto const& name : key.columns) {
                auto const at = std::ranges::find_if(
                    values, [&](auto const& each) { return ascii_same(each.first, name); });
                if (at == values.end()) null = true;
                if (null) break;
                null = std::holds_alternative<data::Null>(at->second);
                data::encode_value(wanted, at->second);
                column += (column.empty() ? "" : ", ") + at->first;
            }
            if (null) continue;
            auto const digest = crypto::sha256(wanted.view());
            auto& in = pointers_[{digest, sighting.table->name, column, id}];
            if (!in) pointer_bytes_ += id.size() + column.size() + 200;
            in = in ? sets_.unite(*in, sighting.in) : sighting.in;
        }
        // Bounded: half a million rows that point anywhere into the table.
        if (pointer_bytes_ > (256u << 20)) {
            return fail(Fault::exhausted, "too many rows refer to " + report_.table)
                .with_fix("perdure backup find --where looks for them one table at a time");
        }
        return {};
    }

    Result<void> collect_referrers() {
        std::set<crypto::Digest> targets;
        for (auto const& key : keys_) {
            for (auto const& variant : variants_) {
                Encoder value;
                for (auto const& name : key.parent_columns) {
                    auto const at = std::ranges::find_if(variant.values, [&](auto const& each) {
                        return ascii_same(each.first, name);
                    });
                    if (at != variant.values.end()) data::encode_value(value, at->second);
                }
                targets.insert(crypto::sha256(value.view()));
            }
        }
        for (auto const& [pointer, in] : pointers_) {
            auto const& [target, table, column, id] = pointer;
            if (!targets.contains(target)) continue;
            ++report_.referrers_total;
            if (report_.referrers.size() >= request_.referrers_max) continue;
            report_.referrers.push_back({table, column, id, sets_.first(*in), sets_.last(*in)});
        }
        std::ranges::sort(report_.referrers, [](Referrer const& a, Referrer const& b) {
            return std::tie(a.table, a.column, a.id) < std::tie(b.table, b.column, b.id);
        });
        return {};
    }

    void fill(Version& version, std::size_t now, std::size_t before) {
        Variant const& variant = variants_[now - 1];
        version.values = variant.values;
        repository::RowDifference row;
        row.kind = before == 0 ? repository::RowDifference::Kind::added
                               : repository::RowDifference::Kind::changed;
        row.after_table = &variant.table;
        row.after = variant.payload;
        if (before != 0) {
            row.before_table = &variants_[before - 1].table;
            row.before = variants_[before - 1].payload;
            version.owner_changed = variant.handle != variants_[before - 1].handle;
        }
        auto fields = repository::differing_fields(row);
        if (!fields) return;  // decoded once before
        version.fields = std::move(*fields);
        // As text: both sides were decoded in their own encoding above.
        for (auto& field : version.fields) {
            field.after = value_of(variant.values, field.column);
            if (before != 0) field.before = value_of(variants_[before - 1].values, field.column);
        }
        if (!mapping_) return;
        auto const title = mapping_->fields.find("title");
        if (title == mapping_->fields.end()) return;
        auto const value = value_of(variant.values, title->second);
        auto const* text = value ? std::get_if<data::Text>(&*value) : nullptr;
        if (text) report_.title = text->bytes;
    }

    static std::optional<data::Value> value_of(Values const& values, std::string const& name) {
        auto const at =
            std::ranges::find(values, name, [](auto const& each) -> auto& { return each.first; });
        if (at == values.end()) return std::nullopt;
        return at->second;
    }

    Result<void> restore() {
        PD_TRY(Version const* version, version_to_restore(report_.versions, request_.restore));
        RecordExtract extract{.source = request_.what.source,
                              .type = report_.type,
                              .table = report_.table,
                              .id = request_.what.id,
                              .snapshot = request_.snapshots[version->last].id(),
                              .values = version->values};
        PD_TRY(auto const file, write_record(extract, request_.folder));
        report_.restored.push_back(file);
        return restore_media(*version);
    }

    /// The media files that the record names in one of its own texts.
    Result<void> restore_media(Version const& version) {
        std::set<std::string> names;
        for (auto const& [name, value] : version.values) {
            if (auto const* text = std::get_if<data::Text>(&value)) names.insert(text->bytes);
        }
        std::vector<SourceSnapshot const*> one(1, snapshots_[version.last]);
        PresenceSets sets(1);
        repository::RowScanOptions options;
        options.each = [&](RowSighting const& sighting) -> Result<void> {
            if (sighting.table || !names.contains(to_string(sighting.row.key))) return {};
            PD_TRY(auto const file, write_media(to_string(sighting.row.key), sighting.row.payload,
                                                sighting.domain, context_, request_.folder, stop_));
            report_.restored.push_back(file);
            return {};
        };
        PD_CHECK(repository::scan_rows(one, options, sets, context_, stop_));
        return {};
    }

    HistoryRequest const& request_;
    std::vector<SourceSnapshot const*> snapshots_;
    PresenceSets sets_;
    repository::ReadContext context_;
    std::stop_token stop_;
    std::optional<data::RecordMapping> mapping_;
    std::vector<origin::ForeignKey> keys_;
    std::vector<Variant> variants_;
    /// (digest of the values pointed to, table, column, id of the row) → where it does so.
    std::map<std::tuple<crypto::Digest, std::string, std::string, std::string>,
             std::optional<PresenceSets::Id>>
        pointers_;
    std::size_t pointer_bytes_ = 0;
    HistoryReport report_;
};

// ---- files --------------------------------------------------------------------------------------

struct FileVariant {
    data::Entry entry;
    repository::BlobList list;
    repository::DomainPtr domain;
};

/// A sparse file's list says nothing about where its extents lie.
bool same_content(FileVariant const& a, FileVariant const& b) {
    return a.list.length_bytes == b.list.length_bytes && a.list.ids == b.list.ids &&
           a.entry.extents == b.entry.extents;
}

bool same_file(FileVariant const& a, FileVariant const& b) {
    return same_content(a, b) && a.domain == b.domain &&
           repository::differing_properties(a.entry, b.entry, false).empty();
}

class FileHistory {
public:
    FileHistory(repository::Repository& repository, HistoryRequest const& request,
                std::vector<SourceSnapshot const*> snapshots, std::stop_token stop)
        : request_(request),
          snapshots_(std::move(snapshots)),
          context_(repository.read_context()),
          stop_(std::move(stop)) {}

    Result<HistoryReport> run() {
        report_.file = true;
        std::vector<State> states(snapshots_.size());
        for (std::size_t i = 0; i < snapshots_.size(); ++i) {
            if (!snapshots_[i]) continue;
            states[i].asked = true;
            PD_TRY(auto found, snapshots_[i]->rows ? find_media(i) : find_file(i));
            if (!found) continue;
            auto const same = std::ranges::find_if(
                variants_, [&](FileVariant const& each) { return same_file(each, *found); });
            states[i].variant = static_cast<std::size_t>(same - variants_.begin()) + 1;
            if (same == variants_.end()) variants_.push_back(std::move(*found));
        }
        if (variants_.empty()) {
            return fail(Fault::not_found, "no snapshot holds " + request_.what.text)
                .with_code(1)
                .with_fix("perdure backup find NAME looks for it");
        }
        join_states(states, report_, [&](Version& version, std::size_t now, std::size_t before) {
            auto const& variant = variants_[now - 1];
            version.entry = variant.entry;
            if (before == 0) return;
            auto const& old = variants_[before - 1];
            version.content_changed = !same_content(old, variant);
            version.owner_changed = old.domain != variant.domain;
            version.properties = repository::differing_properties(old.entry, variant.entry, false);
        });
        if (request_.restore != 0) PD_CHECK(restore(states));
        return std::move(report_);
    }

private:
    Result<std::optional<FileVariant>> find_file(std::size_t i) {
        auto const common = context_.domains.common();
        auto found = repository::find_in_tree(*snapshots_[i], request_.what.path, context_.blobs,
                                              common, stop_);
        if (found) {
            return std::optional<FileVariant>(
                FileVariant{std::move(found->entry), std::move(found->list), common});
        }
        if (found.error().fault() != Fault::not_found) return found.error();
        return std::optional<FileVariant>();
    }

    Result<std::optional<FileVariant>> find_media(std::size_t i) {
        std::optional<FileVariant> out;
        std::vector<SourceSnapshot const*> const one(1, snapshots_[i]);
        PresenceSets sets(1);
        repository::RowScanOptions options;
        options.each = [&](RowSighting const& sighting) -> Result<void> {
            if (sighting.table || as_text(sighting.row.key) != request_.what.path) return {};
            FileVariant variant;
            Decoder in(sighting.row.payload);
            PD_TRY(variant.entry, data::decode_entry(in, true));
            PD_TRY(variant.list, repository::decode_list(in));
            variant.domain = sighting.domain;
            out = std::move(variant);
            return {};
        };
        PD_TRY(auto const report, repository::scan_rows(one, options, sets, context_, stop_));
        report_.erased_subjects = std::max(report_.erased_subjects, report.erased_subjects);
        return out;
    }

    Result<void> restore(std::vector<State> const& states) {
        PD_TRY(Version const* version, version_to_restore(report_.versions, request_.restore));
        auto const& variant = variants_[states[version->first].variant - 1];
        Encoder payload;
        data::encode_entry(payload, variant.entry);
        repository::encode_list(payload, variant.list);
        PD_TRY(auto const file, write_media(request_.what.path, payload.view(), variant.domain,
                                            context_, request_.folder, stop_));
        report_.restored.push_back(file);
        return {};
    }

    HistoryRequest const& request_;
    std::vector<SourceSnapshot const*> snapshots_;
    repository::ReadContext context_;
    std::stop_token stop_;
    std::vector<FileVariant> variants_;
    HistoryReport report_;
};

}  // namespace

Result<HistoryReport> history(repository::Repository& repository, HistoryRequest const& request,
                              std::stop_token stop) {
    auto const& what = request.what;
    bool const record = what.kind == data::Selector::Kind::record;
    bool const path = what.kind == data::Selector::Kind::path && !what.pattern;
    if (!record && !path) {
        return fail(Fault::invalid, what.text + " names no single record or file")
            .with_code(2)
            .with_fix("write SOURCE:TYPE/ID or SOURCE/PATH");
    }
    std::vector<SourceSnapshot const*> snapshots(request.snapshots.size());
    for (std::size_t i = 0; i < snapshots.size(); ++i) {
        auto const& sources = request.snapshots[i].sources;
        auto const at = std::ranges::find(sources, what.source, &SourceSnapshot::name);
        if (at != sources.end() && (path || at->rows)) snapshots[i] = &*at;
    }
    if (record) return RecordHistory(repository, request, std::move(snapshots), stop).run();
    return FileHistory(repository, request, std::move(snapshots), stop).run();
}

}  // namespace perdure::job
