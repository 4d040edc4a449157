#include "media/workshop.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "media/testing/pictures.h"
#include "system/process.h"

namespace perdure::media {

namespace {

using testing::content_of, testing::decode_rgb, testing::quarters_png, testing::read_all,
    testing::with_tags;

WorkshopOptions options_for_tests() {
    WorkshopOptions options;
    char const* program = std::getenv("PERDURE_PROGRAM");
    options.program = program != nullptr ? program : "build/release/perdure";
    return options;
}

struct WorkshopTest : ::testing::Test {
    Workshop workshop{options_for_tests()};

    Outcome convert(Bytes bytes, Wanted const& wanted) {
        auto outcome = workshop.convert(content_of(std::move(bytes)), wanted, {});
        EXPECT_TRUE(outcome) << outcome.error().message();
        return outcome ? std::move(*outcome) : Outcome{};
    }
    Facts inspect(Bytes bytes) {
        auto facts = workshop.inspect(*content_of(std::move(bytes)), {});
        EXPECT_TRUE(facts) << facts.error().message();
        return facts ? *facts : Facts{};
    }
    Bytes jpeg(testing::Size size = {64, 48}) {
        auto const made = convert(quarters_png(size), {.picture = PictureFormat::jpeg});
        return read_all(*made.content);
    }
    Bytes jpeg_from_berlin() {
        return with_tags(jpeg(), {{"Exif.Photo.DateTimeOriginal", "2026:03:01 09:30:15"},
                                  {"Exif.Photo.OffsetTimeOriginal", "+02:00"},
                                  {"Exif.Image.Make", "Perdure"},
                                  {"Exif.GPSInfo.GPSLatitude", "52/1 31/1 0/1"},
                                  {"Exif.GPSInfo.GPSLatitudeRef", "N"},
                                  {"Xmp.photoshop.City", "Berlin"},
                                  {"Iptc.Application2.City", "Berlin"},
                                  {"Iptc.Application2.Caption", "Am Fluss, ganz früh"}});
    }
};

/// One pixel as "red"… ; JPEG makes colours approximate.
std::string colour(Bytes const& rgb, unsigned width, unsigned x, unsigned y) {
    std::string name;
    for (unsigned i = 0; i < 3; ++i) {
        name += std::to_integer<unsigned>(rgb.at((y * width + x) * 3 + i)) > 127 ? '1' : '0';
    }
    return name;
}

TEST_F(WorkshopTest, TellsWhatAPictureIs) {
    auto const facts = inspect(jpeg_from_berlin());
    EXPECT_EQ(facts.media_type, "image/jpeg");
    EXPECT_EQ(facts.extension, "jpg");
    EXPECT_EQ(facts.kind, Kind::picture);
    EXPECT_EQ(facts.width, 64U);
    EXPECT_EQ(facts.height, 48U);
    EXPECT_EQ(facts.caption, "Am Fluss, ganz früh");
    ASSERT_TRUE(facts.taken);
    EXPECT_EQ(to_rfc3339(*facts.taken), "2026-03-01T07:30:15Z");
    EXPECT_TRUE(facts.located);
}

TEST_F(WorkshopTest, SaysNothingWhereAPictureSaysNothing) {
    auto const facts = inspect(quarters_png({10, 20}));
    EXPECT_EQ(facts.media_type, "image/png");
    EXPECT_EQ(facts.width, 10U);
    EXPECT_EQ(facts.height, 20U);
    EXPECT_FALSE(facts.taken);
    EXPECT_FALSE(facts.located);
    EXPECT_EQ(facts.caption, "");
}

TEST_F(WorkshopTest, TurnsEveryOrientationUpright) {
    auto const plain = jpeg();
    // Which corner of the stored picture stands top left when shown (EXIF 2.32, tag 0x0112), and
    // which top right.
    constexpr char const* red = "100";
    constexpr char const* green = "010";
    constexpr char const* blue = "001";
    constexpr char const* white = "111";
    struct Case {
        char const *orientation, *top_left, *top_right;
    };
    for (auto const& one : {Case{"1", red, green}, Case{"2", green, red}, Case{"3", white, blue},
                            Case{"4", blue, white}, Case{"5", red, blue}, Case{"6", blue, red},
                            Case{"7", white, green}, Case{"8", green, white}}) {
        SCOPED_TRACE(one.orientation);
        auto const turned = with_tags(plain, {{"Exif.Image.Orientation", one.orientation}});
        bool const lies = one.orientation[0] >= '5';
        auto const facts = inspect(turned);
        EXPECT_EQ(facts.width, lies ? 48U : 64U);
        EXPECT_EQ(facts.height, lies ? 64U : 48U);
        auto const preview = workshop.preview(*content_of(turned), 32, {});
        ASSERT_TRUE(preview) << preview.error().message();
        EXPECT_EQ(preview->width, lies ? 24U : 32U);
        EXPECT_EQ(preview->height, lies ? 32U : 24U);
        auto const rgb = decode_rgb(preview->bytes);
        ASSERT_EQ(rgb.size(), 3U * preview->width * preview->height);
        EXPECT_EQ(colour(rgb, preview->width, 4, 4), one.top_left);
        EXPECT_EQ(colour(rgb, preview->width, preview->width - 4, 4), one.top_right);
        // A converted copy is upright too, and says so.
        auto const copy = convert(turned, {.picture = PictureFormat::webp});
        EXPECT_EQ(copy.facts.width, facts.width);
        EXPECT_EQ(copy.facts.height, facts.height);
    }
}

TEST_F(WorkshopTest, PreviewsCarryNoMetadataAndAreNeverEnlarged) {
    auto const preview = workshop.preview(*content_of(jpeg_from_berlin()), 1000, {});
    ASSERT_TRUE(preview) << preview.error().message();
    EXPECT_EQ(preview->width, 64U);
    EXPECT_EQ(preview->media_type, "image/jpeg");
    EXPECT_EQ(as_text(preview->bytes).find("Exif"), std::string_view::npos);
    EXPECT_EQ(as_text(preview->bytes).find("Berlin"), std::string_view::npos);
}

TEST_F(WorkshopTest, TransparentPicturesGetPngPreviews) {
    auto const preview = workshop.preview(*content_of(quarters_png({40, 40}, true)), 20, {});
    ASSERT_TRUE(preview) << preview.error().message();
    EXPECT_EQ(preview->media_type, "image/png");
    auto const opaque = workshop.preview(*content_of(quarters_png({40, 40})), 20, {});
    ASSERT_TRUE(opaque);
    EXPECT_EQ(opaque->media_type, "image/jpeg");
}

TEST_F(WorkshopTest, PreviewsAreTheSameEachTime) {
    auto const bytes = jpeg({300, 200});
    auto const first = workshop.preview(*content_of(bytes), 100, {});
    Workshop other(options_for_tests());
    auto const second = other.preview(*content_of(bytes), 100, {});
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->bytes, second->bytes);
}

TEST_F(WorkshopTest, LocationGoesWhilePixelsAndEverythingElseStay) {
    auto const original = jpeg_from_berlin();
    auto const outcome = convert(original, {.strip = Strip::location});
    EXPECT_FALSE(outcome.original);
    EXPECT_FALSE(outcome.facts.located);
    EXPECT_EQ(outcome.facts.caption, "Am Fluss, ganz früh");
    EXPECT_TRUE(outcome.facts.taken);
    auto const bytes = read_all(*outcome.content);
    EXPECT_EQ(as_text(bytes).find("Berlin"), std::string_view::npos);
    EXPECT_NE(as_text(bytes).find("Perdure"), std::string_view::npos);
    EXPECT_EQ(decode_rgb(bytes), decode_rgb(original));
}

TEST_F(WorkshopTest, EverythingGoesButTheOrientation) {
    auto const original = with_tags(jpeg_from_berlin(), {{"Exif.Image.Orientation", "6"}});
    auto const outcome = convert(original, {.strip = Strip::everything});
    auto const bytes = read_all(*outcome.content);
    EXPECT_EQ(outcome.facts.caption, "");
    EXPECT_FALSE(outcome.facts.taken);
    EXPECT_EQ(outcome.facts.width, 48U);
    for (auto const* word : {"Berlin", "Perdure", "2026:03", "Fluss"}) {
        EXPECT_EQ(as_text(bytes).find(word), std::string_view::npos) << word;
    }
    // ffmpeg does not turn what it decodes to raw pixels here: the stored picture is compared.
    EXPECT_EQ(decode_rgb(bytes), decode_rgb(original));
}

TEST_F(WorkshopTest, WhatNeedsNoChangeStaysTheOriginal) {
    auto const plain = jpeg();
    for (auto const& wanted : {Wanted{}, Wanted{.strip = Strip::location},
                               Wanted{.picture = PictureFormat::jpeg}, Wanted{.edge_max = 64}}) {
        auto const outcome = convert(plain, wanted);
        EXPECT_TRUE(outcome.original);
        EXPECT_EQ(read_all(*outcome.content), plain);
    }
}

TEST_F(WorkshopTest, PngAndWebpLoseTheirLocationToo) {
    auto const png =
        with_tags(quarters_png({20, 20}), {{"Exif.GPSInfo.GPSLatitude", "52/1 0/1 0/1"},
                                           {"Xmp.photoshop.City", "Berlin"},
                                           {"Xmp.dc.description", "A pond"}});
    auto const webp =
        read_all(*convert(jpeg_from_berlin(), {.picture = PictureFormat::webp}).content);
    for (auto const& file : {png, webp}) {
        EXPECT_TRUE(inspect(file).located);
        auto const outcome = convert(file, {.strip = Strip::location});
        EXPECT_FALSE(outcome.original);
        EXPECT_FALSE(outcome.facts.located);
        auto const bytes = read_all(*outcome.content);
        EXPECT_EQ(as_text(bytes).find("Berlin"), std::string_view::npos);
        EXPECT_EQ(decode_rgb(bytes), decode_rgb(file));
    }
}

TEST_F(WorkshopTest, ConvertsWithMetadataKeptOrWithoutLocation) {
    auto const original = jpeg_from_berlin();
    for (auto const format : {PictureFormat::webp, PictureFormat::avif}) {
        auto const kept = convert(original, {.picture = format, .edge_max = 32});
        EXPECT_EQ(kept.facts.width, 32U);
        EXPECT_TRUE(kept.facts.located);
        EXPECT_TRUE(kept.facts.taken);
        auto const stripped = convert(original, {.picture = format, .strip = Strip::location});
        EXPECT_FALSE(stripped.facts.located);
        EXPECT_TRUE(stripped.facts.taken);
        EXPECT_EQ(as_text(read_all(*stripped.content)).find("Berlin"), std::string_view::npos);
    }
}

TEST_F(WorkshopTest, JpegTrailersAndContinuedXmpDoNotSurvive) {
    auto original = jpeg_from_berlin();
    append(original, as_bytes("second picture, GPSLatitude Berlin-Mitte"));
    auto const outcome = convert(original, {.strip = Strip::location});
    EXPECT_EQ(as_text(read_all(*outcome.content)).find("Mitte"), std::string_view::npos);
}

TEST_F(WorkshopTest, BrokenPicturesAreErrorsAndTheWorkerGoesOn) {
    auto cut = jpeg({400, 300});
    cut.resize(100);
    auto const preview = workshop.preview(*content_of(cut), 100, {});
    ASSERT_FALSE(preview);
    EXPECT_EQ(preview.error().fault(), Fault::corrupt);
    auto const text = workshop.preview(*content_of(to_bytes(std::string_view("hello"))), 100, {});
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().fault(), Fault::unsupported);
    EXPECT_TRUE(workshop.preview(*content_of(jpeg()), 100, {}));
    EXPECT_TRUE(workshop.inspect(*content_of({}), {}));
}

TEST_F(WorkshopTest, APictureThatClaimsTooManyPixelsIsRefused) {
    auto options = options_for_tests();
    options.limits.pixels_max = 1000;
    Workshop small(options);
    auto const preview = small.preview(*content_of(jpeg()), 100, {});
    ASSERT_FALSE(preview);
    EXPECT_EQ(preview.error().fault(), Fault::exhausted);
}

TEST_F(WorkshopTest, AWorkerThatNeverAnswersIsReplaced) {
    auto options = options_for_tests();
    auto const folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    auto const script = folder->path() / "worker";
    ASSERT_TRUE(system::write_file(script, as_bytes("#!/bin/sh\nexec sleep 60\n"), {.mode = 0755}));
    options.program = script;
    options.limits.patience = std::chrono::seconds(1);
    Workshop slow(options);
    auto const preview = slow.preview(*content_of(jpeg()), 100, {});
    ASSERT_FALSE(preview);
    EXPECT_EQ(preview.error().fault(), Fault::exhausted);
    ASSERT_TRUE(system::write_file(script, as_bytes("#!/bin/sh\nkill -SEGV $$\n"), {.mode = 0755}));
    auto const dead = slow.preview(*content_of(jpeg()), 100, {});
    ASSERT_FALSE(dead);
    EXPECT_EQ(dead.error().fault(), Fault::corrupt);
    EXPECT_NE(dead.error().message().find("signal 11"), std::string::npos)
        << dead.error().message();
}

TEST_F(WorkshopTest, ManyThreadsShareFewWorkers) {
    auto const bytes = jpeg({200, 200});
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < 5; ++k)
                    good += workshop.preview(*content_of(bytes), 50, {}) ? 1 : 0;
            });
        }
    }
    EXPECT_EQ(good, 40);
}

TEST_F(WorkshopTest, FilmsAndSoundsAreConvertedAndLookedAt) {
    auto const folder = system::ScratchFolder::create();
    ASSERT_TRUE(folder);
    auto const file = folder->path() / "film.mov";
    auto const made =
        system::run({.argv = {"ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i",
                              "testsrc=size=64x48:rate=5:duration=1", "-f", "lavfi", "-i",
                              "sine=duration=1", "-metadata", "location=+52.5+13.4/", "-metadata",
                              "creation_time=2026-03-01T09:30:15Z", file.string()}},
                    nullptr, {});
    ASSERT_TRUE(made && made->status == 0) << made->standard_error;
    auto const film = system::read_file(file, 10 << 20);
    ASSERT_TRUE(film);
    auto const facts = inspect(*film);
    EXPECT_EQ(facts.media_type, "video/quicktime");
    EXPECT_EQ(facts.width, 64U);
    EXPECT_EQ(facts.height, 48U);
    EXPECT_TRUE(facts.located);
    ASSERT_TRUE(facts.taken);
    EXPECT_EQ(to_rfc3339(*facts.taken), "2026-03-01T09:30:15Z");
    auto const stripped = convert(*film, {.strip = Strip::location});
    EXPECT_FALSE(inspect(read_all(*stripped.content)).located);
    auto const mp4 = convert(*film, {.film = FilmFormat::mp4});
    EXPECT_EQ(inspect(read_all(*mp4.content)).media_type, "video/mp4");
    auto const preview = workshop.preview(*content_of(*film), 32, {});
    ASSERT_TRUE(preview) << preview.error().message();
    EXPECT_EQ(preview->width, 32U);
}

/// Every file of a folder of real, old and broken media: answers or errors, in bounded time.
void survive_folder(Workshop& workshop, std::string const& name, int expected_pictures) {
    char const* data = std::getenv("PERDURE_DATA");
    char const* checkout = std::getenv("PERDURE_CHECKOUT");
    std::filesystem::path folder = data != nullptr ? data : "";
    if (data == nullptr && checkout != nullptr) {
        folder = std::filesystem::path(checkout) / "../shared/data";
        if (!std::filesystem::exists(folder)) {
            folder = std::filesystem::path(checkout) / "../../shared/data";
        }
    }
    folder = folder / "media" / name;
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not here";
    int previews = 0;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file()) continue;
        SCOPED_TRACE(entry.path().string());
        auto const bytes = system::read_file(entry.path(), 64 << 20);
        ASSERT_TRUE(bytes);
        auto const facts = workshop.inspect(*content_of(*bytes), {});
        EXPECT_TRUE(facts) << facts.error().message();
        previews += workshop.preview(*content_of(*bytes), 64, {}) ? 1 : 0;
        auto const stripped = workshop.convert(content_of(*bytes), {.strip = Strip::location}, {});
        if (stripped) {
            auto const kept = read_all(*stripped->content);
            auto const again = workshop.inspect(*content_of(kept), {});
            EXPECT_TRUE(again && !again->located) << "a location survived";
        }
    }
    EXPECT_GE(previews, expected_pictures);
}

TEST_F(WorkshopTest, SurvivesAHundredCamerasAndFormats) {
    survive_folder(workshop, "exiftool-images", 20);
}
TEST_F(WorkshopTest, SurvivesBrokenAudio) {
    survive_folder(workshop, "mutagen-audio", 0);
}

}  // namespace

}  // namespace perdure::media
