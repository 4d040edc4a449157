#include "format/document/markdown_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "format/document/markdown_record.h"
#include "format/document/markdown_text.h"
#include "format/document/markdown_tree.h"
#include "format/record/xml/media_sidecar.h"
#include "format/tally.h"
#include "format/text.h"
#include "format/text_file.h"

namespace perdure::format {

namespace {

/// Up to so many records the first page names every one; beyond, it names the folders.
constexpr std::uint64_t listed_at_once_max = 1000;

class MarkdownWriter : public RecordWriter {
public:
    explicit MarkdownWriter(OutputTree& output) : output_(output) {}

    Result<void> begin(ExportInfo const& info) override {
        info_ = info;
        for (auto const& type : info.types) tally_.declare(type.type);
        return tree_.open(output_, MarkdownTree::Start::anew);
    }

    Result<void> add(data::Record const& record, MediaLibrary& media,
                     std::stop_token stop) override {
        auto const type = std::ranges::find(info_.types, record.type, &data::RecordType::type);
        if (type == info_.types.end()) {
            return fail(Fault::invalid, fmt::format("\"{}\" was not announced", record.type));
        }
        PD_TRY(auto const folder, folder_of(record, *type));
        PD_TRY(auto const path,
               tree_.add_record(folder, markdown_title(record), record.id, markdown_date(record)));
        PD_TRY(auto const attachments, attach(record, path, media, stop));
        auto file = markdown_record(record, *type, attachments);
        if (!file.body_kept) tally_.omit(record, "body", "bytes that are no text became U+FFFD");
        auto const modified = record.updated   ? *record.updated
                              : record.created ? *record.created
                                               : info_.as_of;
        PD_CHECK(put(path, std::move(file.text), modified));
        tally_.count(record.type);
        return {};
    }

    Result<FormatSummary> finish(std::stop_token stop) override {
        for (std::size_t i = 0; i < tree_.folders().size(); ++i) {
            if (i == MarkdownTree::attachments || tree_.folders()[i].records_below == 0) continue;
            if (stop.stop_requested()) return fail(Fault::cancelled, "the export was stopped");
            if (i != MarkdownTree::root) PD_CHECK(write_contents(i));
        }
        PD_CHECK(write_first_page());
        tally_.summary().bytes += file_.bytes_written();
        return tally_.take();
    }

    Result<std::optional<Bytes>> checkpoint() override {
        Encoder state;
        state.varint(tally_.summary().bytes + file_.bytes_written());
        tally_.encode(state);
        return state.take();
    }

    Result<void> resume(ExportInfo const& info, ByteView bytes) override {
        info_ = info;
        Decoder state(bytes);
        PD_TRY(auto const written, state.varint());
        PD_CHECK(tally_.decode(state));
        PD_CHECK(state.expect_end());
        tally_.summary().bytes = written;
        return tree_.open(output_, MarkdownTree::Start::resumed);
    }

private:
    /// Type (of several), project, category: the levels that there are.
    Result<std::size_t> folder_of(data::Record const& record, data::RecordType const& type) {
        std::size_t folder = MarkdownTree::root;
        if (info_.types.size() > 1) {
            PD_TRY(folder, tree_.folder(folder, record.type));
        }
        if (!record.project.empty() || type.roles.contains("project")) {
            auto const project = record.project.empty() ? "No project" : record.project;
            PD_TRY(folder, tree_.folder(folder, project));
        }
        if (!record.category.empty()) {
            PD_TRY(folder, tree_.folder(folder, record.category));
        }
        return folder;
    }

    Result<void> put(std::string const& path, std::string text, Timestamp modified) {
        PD_CHECK(file_.create(output_, path, {modified, true, text.size()}));
        file_.text = std::move(text);
        PD_CHECK(file_.finish());
        ++tally_.summary().files;
        return {};
    }

    Result<std::vector<MarkdownAttachment>> attach(data::Record const& record,
                                                   std::string const& path, MediaLibrary& media,
                                                   std::stop_token stop) {
        std::vector<MarkdownAttachment> attachments;
        std::string up;
        for (char const c : path) {
            if (c == '/') up += "../";
        }
        for (auto const& each : record.media) {
            MarkdownAttachment attachment{.source = each.path};
            auto file = media.open(each, stop);
            if (!file && file.error().fault() == Fault::cancelled) return Error(file.error());
            if (!file) {
                tally_.omit(record, each.path, file.error().message());
            } else {
                attachment.name = file->name;
                attachment.picture = file->media_type.starts_with("image/");
                PD_TRY(auto const to, copy(record, each, *file, stop));
                if (!to.empty()) attachment.link = up + to;
            }
            attachments.push_back(std::move(attachment));
        }
        return attachments;
    }

    /// The name that the file has in the vault; empty when it could not be read.
    Result<std::string> copy(data::Record const& record, data::MediaRef const& media,
                             MediaFile const& file, std::stop_token stop) {
        PD_TRY(auto known, tree_.attachment(media.path));
        if (!known.empty()) return known;
        auto source = file.content->open(stop);
        if (!source) {
            tally_.omit(record, media.path, source.error().message());
            return std::string();
        }
        auto const when = file.taken ? file.taken : record.created;
        PD_TRY(auto folder, tree_.folder(MarkdownTree::attachments, collection_of(record)));
        if (when) {
            data::Record dated;
            dated.created = when;
            PD_TRY(folder, tree_.folder(folder, markdown_date(dated).substr(0, 7)));
        }
        PD_TRY(auto path, tree_.add_attachment(folder, file.name, media.path));
        PD_CHECK(copy_bytes(record, media, **source, path, file, stop));
        if (wants_sidecars(info_)) {
            auto const name = path.substr(path.rfind('/') + 1) + ".xmp";
            // No path of an application holds a NUL.
            auto const source_name = media.path + std::string("\0xmp", 4);
            PD_TRY(auto const beside, tree_.add_attachment(folder, name, source_name));
            PD_CHECK(put(beside, media_sidecar(record, media, file, info_),
                         file.modified.value_or(info_.as_of)));
        }
        return path;
    }

    static std::string_view collection_of(data::Record const& record) {
        if (!record.collection.empty()) return record.collection;
        return record.project.empty() ? record.type : record.project;
    }

    Result<void> copy_bytes(data::Record const& record, data::MediaRef const& media,
                            data::ByteSource& source, std::string const& path,
                            MediaFile const& file, std::stop_token stop) {
        PD_TRY(auto out,
               output_.create(path, {file.modified.value_or(info_.as_of), false, file.size_bytes}));
        Bytes piece(256 << 10);
        while (true) {
            if (stop.stop_requested()) return fail(Fault::cancelled, "the export was stopped");
            auto const got = source.read(piece);
            if (!got) tally_.omit(record, media.path, "cut short: " + got.error().message());
            if (!got || *got == 0) break;
            PD_CHECK(out->write(ByteView(piece).first(*got)));
            tally_.summary().bytes += *got;
        }
        PD_CHECK(out->finish());
        ++tally_.summary().files;
        ++tally_.summary().media;
        return {};
    }

    /// README.md of one folder: its folders, then its records.
    Result<void> write_contents(std::size_t folder) {
        auto const& here = tree_.folders()[folder];
        PD_CHECK(file_.create(output_, here.path + "/README.md", {info_.as_of}));
        file_.text += "# " + shown_name(here) + "\n\n";
        PD_CHECK(list_folders(folder, here.path));
        PD_CHECK(list_records(folder, here.path, ""));
        PD_CHECK(file_.finish());
        ++tally_.summary().files;
        return {};
    }

    static std::string shown_name(MarkdownFolder const& folder) {
        auto const name = markdown_escaped(folder.name);
        return name.empty() ? "Unnamed" : name;
    }

    /// `path` as it is reached from a file in `from`.
    static std::string link(std::string const& from, std::string const& path) {
        return markdown_destination(from.empty() ? path : path.substr(from.size() + 1));
    }

    Result<void> list_folders(std::size_t folder, std::string const& from) {
        for (auto const child : tree_.folders()[folder].children) {
            auto const& below = tree_.folders()[child];
            if (below.records_below == 0) continue;
            file_.text += fmt::format("- [{}]({}) · {}\n", shown_name(below),
                                      link(from, below.path + "/README.md"), below.records_below);
            PD_CHECK(file_.settle());
        }
        return {};
    }

    Result<void> list_records(std::size_t folder, std::string const& from,
                              std::string_view indent) {
        return tree_.for_each_entry(folder, [&](MarkdownEntry const& entry) -> Result<void> {
            file_.text += fmt::format("{}- [{}]({})", indent, markdown_escaped(entry.title),
                                      link(from, entry.file));
            if (!entry.date.empty()) file_.text += " · " + entry.date;
            file_.text += '\n';
            return file_.settle();
        });
    }

    Result<void> write_first_page() {
        PD_CHECK(file_.create(output_, "README.md", {info_.as_of}));
        auto& out = file_.text;
        auto const& root = tree_.folders()[MarkdownTree::root];
        out += "# " + markdown_escaped(info_.title) + "\n\n";
        out += fmt::format("{} records of {}, as of {}, written by {}.\n", root.records_below,
                           markdown_escaped(info_.source), to_rfc3339(info_.as_of),
                           markdown_escaped(info_.program));
        for (auto const& condition : info_.filter) {
            out += "\nOnly: " + markdown_escaped(condition) + "\n";
        }
        out += "\n## Contents\n\n";
        if (root.records_below == 0) out += "There are no records.\n";
        PD_CHECK(list_tree(MarkdownTree::root, ""));
        PD_CHECK(file_.finish());
        ++tally_.summary().files;
        return {};
    }

    Result<void> list_tree(std::size_t folder, std::string const& indent) {
        bool const every_record =
            tree_.folders()[MarkdownTree::root].records_below <= listed_at_once_max;
        for (auto const child : tree_.folders()[folder].children) {
            auto const& below = tree_.folders()[child];
            if (below.records_below == 0) continue;
            file_.text += fmt::format("{}- [{}]({}) · {}\n", indent, shown_name(below),
                                      link("", below.path + "/README.md"), below.records_below);
            PD_CHECK(file_.settle());
            PD_CHECK(list_tree(child, indent + "  "));
        }
        if (!every_record && folder != MarkdownTree::root) return {};
        return list_records(folder, "", indent);
    }

    OutputTree& output_;
    ExportInfo info_;
    MarkdownTree tree_;
    TextFile file_;
    Tally tally_;
};

}  // namespace

std::unique_ptr<RecordWriter> open_markdown(OutputTree& tree) {
    return std::make_unique<MarkdownWriter>(tree);
}

}  // namespace perdure::format
