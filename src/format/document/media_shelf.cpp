#include "format/document/media_shelf.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "crypto/hash.h"
#include "format/document/body/links.h"
#include "format/document/page_text.h"
#include "format/text.h"

namespace perdure::format {

namespace {

constexpr std::size_t copy_bytes = 256 << 10;

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
}

std::string lower_extension(std::string const& name) {
    auto const dot = name.rfind('.');
    if (dot == name.npos) return {};
    return ascii_lower(name.substr(dot + 1));
}

/// What a browser opens as a document that may run scripts, in the origin of the whole archive.
bool may_run(std::string const& name, std::string_view media_type) {
    return one_of(lower_extension(name),
                  {"html", "htm", "xhtml", "xht", "shtml", "svg", "svgz", "xml", "xsl", "xslt",
                   "mht", "mhtml", "js", "mjs", "wasm", "swf", "webmanifest"}) ||
           media_type.starts_with("text/html") || media_type.find("xml") != media_type.npos ||
           media_type.find("javascript") != media_type.npos;
}

Result<std::uint64_t> copy_content(data::Content& content, Output& out, std::stop_token stop) {
    PD_TRY(auto const source, content.open(stop));
    Bytes buffer(copy_bytes);
    std::uint64_t total = 0;
    while (true) {
        PD_TRY(auto const got, source->read(buffer));
        if (got == 0) return total;
        PD_CHECK(out.write(ByteView(buffer).first(got)));
        total += got;
    }
}

/// Equal names stay apart by a digest of where the application keeps the file. The preview has no
/// name behind it, so that it never meets an original.
std::string shelf_path(std::string const& folder, std::string_view source, std::string_view name) {
    auto const digest = to_hex(crypto::sha256(as_bytes(source)));
    return fmt::format("{}/{}/{}{}", folder, digest.substr(0, 2), digest.substr(2, 10), name);
}

class Shelf {
public:
    Shelf(MediaLibrary& library, OutputTree& tree, Tally& tally, ShelfOptions const& options)
        : library_(library), tree_(tree), tally_(tally), options_(options) {}

    Result<ShownMedia> put(data::MediaRef const& media, std::stop_token stop) {
        ShownMedia shown;
        shown.source = media.path;
        shown.name = page_text(media.path.substr(media.path.rfind('/') + 1));
        auto file = library_.open(media, stop);
        if (!file) {
            if (file.error().fault() == Fault::cancelled) return file.error();
            shown.problem = page_text(file.error().message());
            return shown;
        }
        shown.name = page_text(file->name);
        shown.media_type = page_text(file->media_type);
        shown.description = page_text(file->description);
        shown.size_bytes = file->size_bytes;
        shown.taken = file->taken;
        shown.disarmed = may_run(file->name, file->media_type);
        shown.shown_directly =
            !shown.disarmed && one_of(file->media_type, {"image/jpeg", "image/png", "image/gif",
                                                         "image/webp", "image/avif"});
        PD_CHECK(put_preview(media, shown, stop));
        bool const wanted =
            options_.originals == Originals::all ||
            (shown.preview.empty() && shown.shown_directly && shown.media_type != "image/avif");
        if (wanted) PD_CHECK(put_original(*file, shown, stop));
        return shown;
    }

private:
    Result<void> put_preview(data::MediaRef const& media, ShownMedia& shown, std::stop_token stop) {
        auto preview = library_.preview(media, options_.preview_pixels, stop);
        if (!preview) {
            bool const no_picture = preview.error().fault() == Fault::unsupported;
            if (preview.error().fault() == Fault::cancelled) return preview.error();
            if (no_picture) return {};
            // A broken picture is no picture: a book that embeds it is refused by readers.
            shown.problem = page_text(preview.error().message());
            shown.shown_directly = false;
            return {};
        }
        auto const path = shelf_path(options_.folder, media.path,
                                     preview->media_type == "image/png" ? ".png" : ".jpg");
        auto created = tree_.create(options_.root + path,
                                    {.compressible = false, .size_bytes = preview->bytes.size()});
        shown.preview = path;
        shown.width = preview->width;
        shown.height = preview->height;
        if (!created) return already_there(created.error());
        shown.fresh = true;
        PD_CHECK((*created)->write(preview->bytes));
        PD_CHECK((*created)->finish());
        count_file(tally_, preview->bytes.size());
        return {};
    }

    Result<void> put_original(MediaFile const& file, ShownMedia& shown, std::stop_token stop) {
        auto name = safe_file_name(file.name);
        if (shown.disarmed) name += ".download";
        auto const path = shelf_path(options_.folder, shown.source, "-" + name);
        auto created = tree_.create(options_.root + path,
                                    {.modified = file.modified.value_or(Timestamp{}),
                                     .compressible = !file.media_type.starts_with("image/") &&
                                                     !file.media_type.starts_with("video/") &&
                                                     !file.media_type.starts_with("audio/"),
                                     .size_bytes = file.size_bytes});
        if (!created) {
            shown.original = path;
            return already_there(created.error());
        }
        auto copied = copy_content(*file.content, **created, stop);
        // Either way the file must come to its end; a broken one is named and not linked.
        PD_CHECK((*created)->finish());
        if (!copied) {
            if (copied.error().fault() == Fault::cancelled) return copied.error();
            shown.problem = page_text(copied.error().message());
            count_file(tally_, 0);
            return {};
        }
        shown.original = path;
        shown.fresh = true;
        count_file(tally_, *copied);
        ++tally_.summary().media;
        return {};
    }

    /// Another record put it there.
    static Result<void> already_there(Error const& error) {
        if (error.fault() == Fault::conflict) return {};
        return Error(error);
    }

    MediaLibrary& library_;
    OutputTree& tree_;
    Tally& tally_;
    ShelfOptions const& options_;
};

}  // namespace

std::optional<std::string> picture_address(std::vector<ShownMedia> const& media,
                                           std::string_view address, std::string_view prefix) {
    auto const decoded = decoded_path(address);
    if (decoded.empty()) return std::nullopt;
    for (auto const& each : media) {
        if (each.source != decoded && !each.source.ends_with("/" + decoded)) continue;
        bool const small = !each.preview.empty() && (!each.shown_directly || each.original.empty());
        auto const& path = small ? each.preview : each.original;
        if (!path.empty()) return std::string(prefix) + url_path(path);
    }
    return std::nullopt;
}

Result<std::vector<ShownMedia>> shelve_media(data::Record const& record, MediaLibrary& library,
                                             OutputTree& tree, Tally& tally,
                                             ShelfOptions const& options, std::stop_token stop) {
    std::vector<ShownMedia> out;
    Shelf shelf(library, tree, tally, options);
    for (auto const& media : record.media) {
        PD_TRY(auto shown, shelf.put(media, stop));
        if (!shown.problem.empty()) {
            tally.omit(record, "", fmt::format("media {}: {}", media.path, shown.problem));
        }
        out.push_back(std::move(shown));
    }
    return out;
}

}  // namespace perdure::format
