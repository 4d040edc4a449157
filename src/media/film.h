#pragma once

#include "media/workshop.h"

namespace perdure::media {

/// Films and sounds, by ffmpeg where it is installed: a child process below limits that reads one
/// copy of the file in a scratch folder, by the one demuxer that fits its bytes (playlists that
/// name other files or hosts are no format here), and reaches no network.
/// Fails: unsupported (no ffmpeg; a kind of file it is not asked to read), corrupt, cancelled,
/// exhausted (patience).
Result<Outcome> convert_film(data::Content& content, Facts const& facts, Wanted const& wanted,
                             WorkshopOptions const& options, std::stop_token stop);
/// A frame near the front, as PNG.
Result<Bytes> film_frame(data::Content& content, Facts const& facts, WorkshopOptions const& options,
                         std::stop_token stop);

}  // namespace perdure::media
