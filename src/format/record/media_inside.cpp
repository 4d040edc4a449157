#include "format/record/media_inside.h"

#include <fmt/format.h>

#include "crypto/hash.h"
#include "format/base64.h"

namespace perdure::format {

namespace {

constexpr std::size_t piece_bytes = 48 << 10;  // a multiple of 3: 64 KiB of base64, no padding

/// As many bytes as fit, but at the end.
Result<std::size_t> fill(data::ByteSource& source, ByteSpan into) {
    std::size_t have = 0;
    while (have < into.size()) {
        PD_TRY(auto const got, source.read(into.subspan(have)));
        if (got == 0) break;
        have += got;
    }
    return have;
}

bool ends_the_export(Error const& error) {
    return error.fault() == Fault::cancelled || error.fault() == Fault::exhausted;
}

}  // namespace

bool wants_media_inside(ExportInfo const& info) {
    auto const found = info.options.find("embed-media");
    return found != info.options.end() && found->second != "no";
}

Result<std::optional<MediaInside>> open_media_inside(data::Record const& record,
                                                     data::MediaRef const& ref,
                                                     MediaLibrary& library, Tally& tally,
                                                     std::stop_token const& stop) {
    // That it is missing was reported by who found it so.
    if (!ref.present) return std::optional<MediaInside>();
    auto const left_out = [&](std::string const& why) {
        tally.omit(record, "", fmt::format("{}: {}", ref.path, why));
        return std::optional<MediaInside>();
    };
    auto file = library.open(ref, stop);
    if (!file && ends_the_export(file.error())) return Error(file.error());
    if (!file) return left_out(file.error().message());
    if (file->size_bytes > media_inside_bytes_max) {
        return left_out(fmt::format("{} bytes are too many to embed", file->size_bytes));
    }
    auto source = file->content->open(stop);
    if (!source && ends_the_export(source.error())) return Error(source.error());
    if (!source) return left_out(source.error().message());
    return std::optional(MediaInside{std::move(*file), std::move(*source)});
}

Result<MediaSeal> put_media_inside(data::Record const& record, data::MediaRef const& ref,
                                   MediaInside const& inside, Tally& tally,
                                   std::function<Result<void>(std::string_view)> const& put,
                                   std::stop_token const& stop) {
    MediaSeal seal;
    crypto::Sha256 hash;
    Bytes piece(piece_bytes);
    std::string text;
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        auto const got = fill(*inside.source, piece);
        if (!got)
            tally.omit(record, "",
                       fmt::format("{}: cut short: {}", ref.path, got.error().message()));
        if (!got || *got == 0) break;
        if (seal.bytes + *got > media_inside_bytes_max) {
            tally.omit(record, "",
                       fmt::format("{}: cut short: it is too large to embed", ref.path));
            break;
        }
        auto const bytes = ByteView(piece).first(*got);
        hash.update(bytes);
        seal.bytes += *got;
        text.clear();
        append_base64(text, bytes);
        PD_CHECK(put(text));
        if (*got < piece.size()) break;
    }
    seal.sha256 = to_hex(hash.finish());
    ++tally.summary().media;
    return seal;
}

}  // namespace perdure::format
