#pragma once

#include <functional>
#include <optional>
#include <string>

#include "format/format.h"
#include "format/tally.h"

namespace perdure::format {

/// Media inside a text format, as base64: what --embed-media asks of json, ndjson and xml.

/// Readers of one text in one piece have to hold it: larger ones stay outside, and are reported.
inline constexpr std::uint64_t media_inside_bytes_max = std::uint64_t{128} << 20;

bool wants_media_inside(ExportInfo const& info);

struct MediaInside {
    MediaFile file;
    std::unique_ptr<data::ByteSource> source;
};
/// Nothing: it cannot be had, and that is reported. Fails: cancelled, exhausted.
Result<std::optional<MediaInside>> open_media_inside(data::Record const& record,
                                                     data::MediaRef const& ref,
                                                     MediaLibrary& library, Tally& tally,
                                                     std::stop_token const& stop);

struct MediaSeal {
    std::uint64_t bytes = 0;
    std::string sha256;  ///< hexadecimal, of the bytes that stand there
};
/// Gives its base64 to `put` in pieces of 64 KiB. A medium that breaks off is reported.
/// Fails: as `put`; cancelled.
Result<MediaSeal> put_media_inside(data::Record const& record, data::MediaRef const& ref,
                                   MediaInside const& inside, Tally& tally,
                                   std::function<Result<void>(std::string_view)> const& put,
                                   std::stop_token const& stop);

}  // namespace perdure::format
