#include "job/diff/compare.h"

#include <algorithm>
#include <map>

#include "job/backup.h"
#include "job/diff/overlay_blobs.h"
#include "job/diff/value_text.h"
#include "job/source_options.h"
#include "repository/keyring/keyring.h"
#include "repository/stream/content_source.h"
#include "repository/stream/content_writer.h"

namespace perdure::job {

namespace {

using repository::BlobList;
using repository::EntryDifference;
using repository::MediaDifference;
using repository::RowDifference;
using repository::SourceSnapshot;

constexpr std::uint64_t text_bytes_max = 4u << 20;

ChangeKind kind_of(RowDifference::Kind kind) {
    return kind == RowDifference::Kind::added     ? ChangeKind::added
           : kind == RowDifference::Kind::removed ? ChangeKind::removed
                                                  : ChangeKind::changed;
}

/// One side's content for the text difference.
struct ContentPlace {
    BlobList const& list;
    repository::DomainPtr domain;
    data::Entry const& entry;
};

class SourceComparison {
public:
    SourceComparison(DiffRequest const& request, repository::ReadContext& context,
                     SourceSnapshot const* before, SourceSnapshot const* after,
                     std::stop_token stop)
        : request_(request),
          context_(context),
          before_(before),
          after_(after),
          stop_(std::move(stop)),
          workers_(1) {
        SourceSnapshot const& one = after ? *after : *before;
        out_.name = one.name;
        out_.type = one.type;
        out_.rows = one.rows;
        out_.before = before != nullptr;
        out_.after = after != nullptr;
        out_.items_before = before ? before->items : 0;
        out_.items_after = after ? after->items : 0;
        for (auto const& selector : request.select) {
            if (selector.source == out_.name) select_.push_back(selector);
        }
        mapping_ = source_options(one).mapping;
    }

    Result<SourceDifference> run(std::uint64_t& differences) {
        PD_CHECK(out_.rows ? compare_rows() : compare_trees());
        for (auto& [name, group] : groups_) {
            group.name = name;
            differences += group.added + group.removed + group.changed;
            out_.groups.push_back(std::move(group));
        }
        differences += out_.schema.size();
        return std::move(out_);
    }

private:
    bool takes_path(std::string_view path) const {
        return select_.empty() || std::ranges::any_of(select_, [&](data::Selector const& each) {
                   return each.kind == data::Selector::Kind::whole ||
                          data::selects_path(each, path);
               });
    }
    bool takes_table(std::string const& table, std::string const& type) const {
        return select_.empty() || std::ranges::any_of(select_, [&](data::Selector const& each) {
                   bool const named =
                       each.type == table || (!each.type.empty() && each.type == type);
                   return each.kind == data::Selector::Kind::whole || named;
               });
    }
    bool takes_record(std::string const& table, std::string const& type,
                      std::string const& id) const {
        return select_.empty() || std::ranges::any_of(select_, [&](data::Selector const& each) {
                   if (each.kind == data::Selector::Kind::whole) return true;
                   bool const named = each.type == table || each.type == type;
                   return named && (each.kind == data::Selector::Kind::type || each.id == id);
               });
    }
    data::RecordMapping const* mapping_of(std::string const& table) const {
        auto const at = std::ranges::find(mapping_.records, table, &data::RecordMapping::table);
        return at == mapping_.records.end() ? nullptr : &*at;
    }
    std::string type_of(std::string const& table) const {
        auto const* mapping = mapping_of(table);
        return mapping ? mapping->type : std::string();
    }

    static void count(GroupDifference& group, ChangeKind kind, std::uint64_t before,
                      std::uint64_t after) {
        (kind == ChangeKind::added     ? group.added
         : kind == ChangeKind::removed ? group.removed
                                       : group.changed)++;
        group.bytes_before += before;
        group.bytes_after += after;
    }

    Result<void> compare_rows() {
        repository::RowsDiffOptions options;
        options.wanted = [&](std::string const& table) {
            return takes_table(table, type_of(table));
        };
        options.each = [&](RowDifference const& row) { return take(row); };
        options.each_media = [&](MediaDifference const& media) { return take(media); };
        if (before_) encoding_before_ = encoding_of(*before_);
        if (after_) encoding_after_ = encoding_of(*after_);
        PD_TRY(auto const report, repository::diff_rows(before_, after_, options, context_, stop_));
        out_.erased_subjects = report.erased_subjects;
        out_.blocks_read = report.blocks_read;
        if (before_ && after_ && select_.empty()) {
            out_.schema = repository::differing_schema(report.before, report.after);
        }
        return {};
    }

    std::string encoding_of(SourceSnapshot const& source) {
        auto const schema = repository::read_schema(source, context_, stop_);
        if (!schema) return "";  // diff_rows tells why
        auto const at = schema->settings.find("encoding");
        return at == schema->settings.end() ? "" : at->second;
    }

    Result<void> take(RowDifference const& row) {
        auto const& table = row.after_table ? *row.after_table : *row.before_table;
        bool const gone = row.kind == RowDifference::Kind::removed;
        RecordChange change;
        change.source = out_.name;
        change.table = table.name;
        change.type = type_of(table.name);
        change.kind = kind_of(row.kind);
        change.owner = row.owner;
        PD_TRY(change.id, repository::row_id(gone ? *row.before_table : table, row.key,
                                             gone ? row.before : row.after));
        if (!takes_record(change.table, change.type, change.id)) return {};
        auto& group = groups_[table.name];
        group.shadow = table.shadow;
        count(group, change.kind, row.before.size(), row.after.size());
        if (table.shadow || !request_.each_record) return {};
        PD_TRY(change.fields, repository::differing_fields(row));
        for (auto& field : change.fields) {
            if (field.before) field.before = as_utf8(std::move(*field.before), encoding_before_);
            if (field.after) field.after = as_utf8(std::move(*field.after), encoding_after_);
        }
        PD_TRY(change.title,
               title_of(table.name, gone ? *row.before_table : table, gone ? row.before : row.after,
                        gone ? encoding_before_ : encoding_after_));
        return request_.each_record(change);
    }

    Result<std::string> title_of(std::string const& name, data::TableSchema const& table,
                                 ByteView payload, std::string const& encoding) {
        auto const* mapping = mapping_of(name);
        if (!mapping) return std::string();
        auto const field = mapping->fields.find("title");
        if (field == mapping->fields.end()) return std::string();
        PD_TRY(auto const fields, repository::decode_fields(table, payload));
        auto const at = std::ranges::find(fields, field->second,
                                          [](auto const& each) -> auto& { return each.first; });
        if (at == fields.end()) return std::string();
        auto const* text = std::get_if<data::Text>(&at->second);
        return text ? to_utf8(text->bytes, encoding) : std::string();
    }

    Result<void> take(MediaDifference const& media) {
        if (!takes_path(media.path)) return {};
        FileChange change;
        change.source = out_.name;
        change.path = media.path;
        change.kind = kind_of(media.kind);
        change.media = true;
        change.content = media.content;
        change.before = media.before;
        change.after = media.after;
        if (media.before && media.after) {
            change.properties =
                repository::differing_properties(*media.before, *media.after, false);
            if (media.owner) change.properties.emplace_back("person");
        }
        count(groups_["(media)"], change.kind, media.before_list.length_bytes,
              media.after_list.length_bytes);
        return request_.each_file ? request_.each_file(change) : Result<void>();
    }

    Result<void> compare_trees() {
        repository::TreeDiffOptions options;
        options.each = [&](EntryDifference const& entry) { return take(entry); };
        return repository::diff_trees(before_, after_, options, context_.blobs,
                                      context_.domains.common(), stop_);
    }

    Result<void> take(EntryDifference const& entry) {
        if (!takes_path(entry.path)) return {};
        FileChange change;
        change.source = out_.name;
        change.path = entry.path.empty() ? "." : entry.path;
        change.kind = entry.kind == EntryDifference::Kind::added     ? ChangeKind::added
                      : entry.kind == EntryDifference::Kind::removed ? ChangeKind::removed
                                                                     : ChangeKind::changed;
        change.content = entry.content;
        if (entry.before) change.before = entry.before->entry;
        if (entry.after) change.after = entry.after->entry;
        if (change.before && change.after) {
            change.properties =
                repository::differing_properties(*change.before, *change.after, false);
            // A folder's time changes with what is in it, and that is told already.
            bool const echo = change.before->kind == data::EntryKind::folder &&
                              change.properties == std::vector<std::string>{"modified"};
            if (echo) return {};
        }
        auto const slash = entry.path.find('/');
        bool const folder =
            (change.after ? change.after : change.before)->kind == data::EntryKind::folder;
        std::string const group = slash != std::string::npos      ? entry.path.substr(0, slash)
                                  : folder && !entry.path.empty() ? entry.path
                                                                  : ".";
        count(groups_[group], change.kind, change.before ? change.before->size : 0,
              change.after ? change.after->size : 0);
        if (!request_.each_file) return {};
        if (request_.text && change.content) {
            auto const common = context_.domains.common();
            PD_CHECK(add_text(change, {entry.before->list, common, *change.before},
                              {entry.after->list, common, *change.after}));
        }
        return request_.each_file(change);
    }

    Result<void> add_text(FileChange& change, ContentPlace const& before,
                          ContentPlace const& after) {
        if (before.entry.sparse || after.entry.sparse) return {};  // holes are no text
        if (std::max(before.list.length_bytes, after.list.length_bytes) > text_bytes_max) return {};
        PD_TRY(std::string const old, read(before));
        PD_TRY(std::string const fresh, read(after));
        if (looks_like_text(old) && looks_like_text(fresh)) change.text = diff_text(old, fresh);
        return {};
    }

    Result<std::string> read(ContentPlace const& place) {
        repository::ContentSource source(context_.blobs, place.domain, place.list, place.entry,
                                         workers_, stop_);
        Bytes bytes(place.list.length_bytes);
        PD_TRY(std::size_t const count, repository::read_fully(source, bytes));
        return std::string(as_text(ByteView(bytes).first(count)));
    }

    DiffRequest const& request_;
    repository::ReadContext& context_;
    SourceSnapshot const* before_;
    SourceSnapshot const* after_;
    std::stop_token stop_;
    repository::Workers workers_;
    std::vector<data::Selector> select_;
    data::Mapping mapping_;
    std::string encoding_before_, encoding_after_;
    std::map<std::string, GroupDifference> groups_;
    SourceDifference out_;
};

SourceSnapshot const* find_source(std::vector<SourceSnapshot> const& sources,
                                  std::string const& name) {
    auto const at = std::ranges::find(sources, name, &SourceSnapshot::name);
    return at == sources.end() ? nullptr : &*at;
}

/// What a backup of the live sources would hold, in the overlay.
Result<std::vector<SourceSnapshot>> read_live(repository::Repository& repository,
                                              DiffRequest const& request, OverlayBlobs& overlay,
                                              DiffReport& report, std::stop_token stop) {
    auto const reading = repository.read_context();
    repository::WriteContext context{.blobs = overlay,
                                     .known = overlay,
                                     .domains = repository.domains(),
                                     .chunk_key = repository.keyring().chunk_key(),
                                     .threads = reading.threads,
                                     .spill_folder = reading.spill_folder,
                                     .progress = request.progress};
    std::vector<SourceSnapshot> out;
    for (auto const& source : request.live) {
        auto const* parent = find_source(request.before.sources, source.name);
        if (parent && parent->type != source.type) parent = nullptr;
        std::string const in_source = "source \"" + source.name + "\"";
        auto read = read_source({source, parent}, context, stop);
        if (!read) return std::move(read).error().within(in_source);
        if (read->failure) return std::move(*read->failure).within(in_source);
        for (auto const& problem : read->snapshot.problems) {
            report.problems.push_back({source.name + ": " + problem.path, problem.reason});
        }
        out.push_back(std::move(read->snapshot));
    }
    return out;
}

bool wanted(DiffRequest const& request, std::string const& source) {
    return request.select.empty() ||
           std::ranges::find(request.select, source, &data::Selector::source) !=
               request.select.end();
}

}  // namespace

std::string_view change_name(ChangeKind kind) {
    return kind == ChangeKind::added     ? "added"
           : kind == ChangeKind::removed ? "removed"
                                         : "changed";
}

Result<DiffReport> compare(repository::Repository& repository, DiffRequest const& request,
                           std::stop_token stop) {
    DiffReport report;
    OverlayBlobs overlay(repository.blobs(), request.scratch_parent);
    std::vector<SourceSnapshot> after;
    if (request.after) {
        after = request.after->sources;
    } else {
        PD_TRY(after, read_live(repository, request, overlay, report, stop));
    }
    auto const plain = repository.read_context();
    repository::ReadContext context{.blobs = request.after ? repository.blobs() : overlay,
                                    .domains = plain.domains,
                                    .threads = plain.threads,
                                    .spill_folder = plain.spill_folder};
    std::vector<std::pair<SourceSnapshot const*, SourceSnapshot const*>> pairs;
    for (auto const& source : request.before.sources) {
        auto const* other = find_source(after, source.name);
        bool const alike = other && other->rows == source.rows;
        // Live, only what was asked for was read: the others are not gone.
        bool const unread = !request.after && !other;
        if (!unread) pairs.emplace_back(&source, alike ? other : nullptr);
    }
    for (auto const& source : after) {
        auto const* other = find_source(request.before.sources, source.name);
        if (!other || other->rows != source.rows) pairs.emplace_back(nullptr, &source);
    }
    for (auto const& [old, fresh] : pairs) {
        if (!wanted(request, (old ? old : fresh)->name)) continue;
        PD_TRY(auto difference,
               SourceComparison(request, context, old, fresh, stop).run(report.differences));
        report.sources.push_back(std::move(difference));
    }
    return report;
}

}  // namespace perdure::job
