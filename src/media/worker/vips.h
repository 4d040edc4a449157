#pragma once

#include <vips/vips.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace perdure::media::worker {

/// libvips, loaded when the first picture comes: linked, its hundred libraries would cost every
/// start of perdure 80 ms, and a machine without it could not run perdure at all.
/// The members are the library's own functions (libvips 8.14 API).
struct Vips {
    decltype(&vips_init) init;
    decltype(&vips_error_buffer) error_buffer;
    decltype(&vips_error_clear) error_clear;
    decltype(&vips_concurrency_set) concurrency_set;
    decltype(&vips_cache_set_max) cache_set_max;
    decltype(&vips_block_untrusted_set) block_untrusted_set;
    decltype(&vips_operation_block_set) operation_block_set;
    decltype(&vips_image_new_from_buffer) image_new_from_buffer;
    decltype(&vips_thumbnail_buffer) thumbnail_buffer;
    decltype(&vips_image_get_width) image_get_width;
    decltype(&vips_image_get_height) image_get_height;
    decltype(&vips_image_get_orientation_swap) image_get_orientation_swap;
    decltype(&vips_image_hasalpha) image_hasalpha;
    decltype(&vips_image_get_typeof) image_get_typeof;
    decltype(&vips_image_get_blob) image_get_blob;
    decltype(&vips_image_set_blob_copy) image_set_blob_copy;
    decltype(&vips_image_remove) image_remove;
    decltype(&vips_image_get_fields) image_get_fields;
    decltype(&vips_image_get_n_pages) image_get_n_pages;
    decltype(&vips_image_get_bands) image_get_bands;
    decltype(&vips_copy) copy;
    decltype(&vips_image_copy_memory) image_copy_memory;
    decltype(&vips_extract_band) extract_band;
    decltype(&vips_min) min;
    decltype(&vips_flatten) flatten;
    decltype(&vips_jpegsave_buffer) jpegsave_buffer;
    decltype(&vips_pngsave_buffer) pngsave_buffer;
    decltype(&vips_webpsave_buffer) webpsave_buffer;
    decltype(&vips_heifsave_buffer) heifsave_buffer;
    decltype(&vips_array_double_new) array_double_new;
    decltype(&vips_area_unref) area_unref;
    decltype(&g_object_unref) object_unref;
    decltype(&g_free) free;
    decltype(&g_strfreev) strfreev;
};

/// Loads and starts it once. Fails: unsupported (it is not installed).
Result<Vips const*> vips();
/// What went wrong last, in one line; forgets it.
std::string vips_complaint();

struct Unref {
    void operator()(VipsImage* image) const;
};
using Image = std::unique_ptr<VipsImage, Unref>;

}  // namespace perdure::media::worker
