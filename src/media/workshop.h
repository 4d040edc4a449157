#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "data/stream.h"
#include "media/sniff.h"
#include "system/file.h"

namespace perdure::media {

/// What a media file is. Everything but type and size is empty where it cannot be told.
struct Facts {
    std::string media_type;
    std::string extension;  ///< that fits the bytes, without a dot
    Kind kind = Kind::other;
    std::uint64_t size_bytes = 0;    ///< 0 too where only the front had to be looked at
    unsigned width = 0, height = 0;  ///< as shown (turned upright); of films too
    /// When it was taken. A camera's clock that names no zone counts as UTC.
    std::optional<Timestamp> taken;
    std::string caption;   ///< that the file itself carries; well-formed UTF-8
    bool located = false;  ///< it says where it was taken: coordinates, or a named place
};

struct Preview {
    Bytes bytes;
    std::string media_type;  ///< "image/jpeg", or "image/png" where it is transparent
    unsigned width = 0, height = 0;
};

enum class PictureFormat { same, jpeg, webp, avif };
enum class SoundFormat { same, mp3, opus, m4a };
enum class FilmFormat { same, mp4, webm };
enum class Strip { nothing, location, everything };

/// What a copy shall be like. Metadata are kept, except those that `strip` names.
struct Wanted {
    PictureFormat picture = PictureFormat::same;
    SoundFormat sound = SoundFormat::same;
    FilmFormat film = FilmFormat::same;
    unsigned edge_max = 0;  ///< pixels of the longer side of a picture; 0: as it is
    unsigned quality = 85;  ///< 1 … 100, of lossy pictures
    Strip strip = Strip::nothing;
    bool changes_anything() const {
        return picture != PictureFormat::same || sound != SoundFormat::same ||
               film != FilmFormat::same || edge_max != 0 || strip != Strip::nothing;
    }
};

/// A media file as it leaves: the original, or the copy that was wanted.
struct Outcome {
    Facts facts;  ///< of these bytes
    std::shared_ptr<data::Content> content;
    bool original = true;  ///< nothing had to be changed: these are the application's own bytes
};

/// Ceilings for one piece of work. A picture past them is refused, whatever it claims.
struct Limits {
    std::uint64_t picture_bytes_max = 256ULL << 20;
    std::uint64_t pixels_max = 200'000'000;
    std::uint64_t memory_bytes = 1536ULL << 20;  ///< private memory of a worker process
    std::chrono::seconds cpu{30};
    std::chrono::seconds patience{60};
    std::chrono::seconds film_patience{3600};
};

struct WorkshopOptions {
    unsigned workers_max = 2;  ///< processes, started when needed, reused
    Limits limits;
    /// What to start: this program by default, whose main() calls run_as_worker().
    system::Path program = "/proc/self/exe";
    system::Path scratch_parent;  ///< for films under conversion; TMPDIR when empty
};

/// Looks at media and makes copies of them. What decodes pictures runs in child processes: a
/// hostile picture ends its worker, never this process.
/// Threads: any; as many calls run at once as there are workers, the others wait.
/// Every call fails: not_found and denied, as the content's open(); cancelled; corrupt (bytes that
/// cannot be decoded, or that brought the worker down); exhausted (past Limits).
class Workshop {
public:
    explicit Workshop(WorkshopOptions options = {});
    ~Workshop();
    Workshop(Workshop const&) = delete;
    Workshop& operator=(Workshop const&) = delete;

    /// Reads the content once. Broken metadata is no error: the facts are then fewer.
    Result<Facts> inspect(data::Content& content, std::stop_token stop);
    /// A small upright picture without metadata, in sRGB, at most edge_pixels on its longer side
    /// (never larger than the original). Of films a frame near the front, where ffmpeg is there.
    /// Fails also: unsupported (not a picture that can be shown).
    Result<Preview> preview(data::Content& content, unsigned edge_pixels, std::stop_token stop);
    /// The content as it was wanted; where nothing is wanted it is never refused. Pictures keep
    /// their pixels as they are when only metadata must go (JPEG, PNG, WebP, TIFF); others that
    /// carry a location are made JPEG then. Fails also: unsupported (this kind of file cannot be
    /// converted, or not stripped for sure).
    Result<Outcome> convert(std::shared_ptr<data::Content> content, Wanted const& wanted,
                            std::stop_token stop);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Whether this process was started as a worker of a Workshop; main() then returns run_as_worker().
bool is_worker(int argc, char const* const* argv);
/// Serves until the other side is gone.
int run_as_worker();

}  // namespace perdure::media
