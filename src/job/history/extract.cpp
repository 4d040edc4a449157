#include "job/history/extract.h"

#include "format/record/json_text.h"
#include "format/record/value_view.h"
#include "format/text.h"
#include "origin/origin.h"
#include "repository/stream/content_source.h"
#include "system/path/real_path.h"

namespace perdure::job {

namespace {

void put(std::string& out, std::string_view name, std::string_view text) {
    out += "  ";
    format::json_key(out, name);
    out += ' ';
    format::json_value(out, text);
    out += ",\n";
}

}  // namespace

Result<system::Path> write_record(RecordExtract const& extract, system::Path const& folder) {
    std::string out = "{\n";
    put(out, "source", extract.source);
    put(out, "type", extract.type);
    put(out, "table", extract.table);
    put(out, "id", extract.id);
    put(out, "snapshot", extract.snapshot);
    out += "  \"values\": {";
    bool first = true;
    for (auto const& [name, value] : extract.values) {
        out += std::exchange(first, false) ? "\n    " : ",\n    ";
        format::json_key(out, name);
        out += ' ';
        format::json_value(out, format::view_of(value));
    }
    out += "\n  }\n}\n";
    PD_CHECK(system::make_folders(folder));
    auto const file = folder / format::safe_file_name(extract.type + "-" + extract.id + ".json");
    auto written = system::write_file(file, as_bytes(out), {.replace = false});
    if (!written) return std::move(written).error().within("writing " + file.string());
    return file;
}

Result<system::Path> write_media(std::string const& path, ByteView entry_and_list,
                                 repository::DomainPtr const& domain,
                                 repository::ReadContext& context, system::Path const& folder,
                                 std::stop_token stop) {
    Decoder in(entry_and_list);
    PD_TRY(data::Entry entry, data::decode_entry(in, true));
    PD_TRY(repository::BlobList const list, repository::decode_list(in));
    if (entry.kind != data::EntryKind::file || !entry.same_as.empty()) {
        return fail(Fault::unsupported, path + " is no file of its own in that snapshot")
            .with_code(2)
            .with_fix("perdure restore SNAPSHOT SOURCE/PATH --to DIR");
    }
    auto const slash = path.rfind('/');
    entry.name = slash == std::string::npos ? path : path.substr(slash + 1);
    PD_CHECK(data::check_component(entry.name));
    origin::SourceOptions const tree{.name = "extract", .type = "files", .path = folder};
    auto const real = system::real_path(folder);  // the user's own may be a link, a target's not
    PD_TRY(auto target, origin::open_tree_target(
                            tree, {.folder = real, .special_files = false, .owners = false}));
    data::Entry root;
    root.kind = data::EntryKind::folder;
    root.mode = 0755;
    PD_CHECK(target->make_folder("", root));
    repository::Workers workers(context.threads);
    repository::ContentSource content(context.blobs, domain, list, entry, workers, stop);
    PD_CHECK(target->write_file(entry.name, entry, content));
    return folder / entry.name;
}

Result<Version const*> version_to_restore(std::vector<Version> const& versions,
                                          std::size_t number) {
    if (number == 0 || number > versions.size() || versions[number - 1].absent) {
        return fail(Fault::invalid,
                    "there is no version " + std::to_string(number) + " that holds something")
            .with_code(2)
            .with_fix("perdure backup history SELECTOR lists the versions");
    }
    return &versions[number - 1];
}

}  // namespace perdure::job
