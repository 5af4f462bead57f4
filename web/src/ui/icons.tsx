/** Line icons on a 16-pixel grid; decorative, so hidden from screen readers. */

import type { ReactNode } from "react";

function icon(path: ReactNode) {
  return function Icon({ size = 16 }: { size?: number }) {
    return (
      <svg
        width={size}
        height={size}
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        {path}
      </svg>
    );
  };
}

export const OverviewIcon = icon(
  <>
    <path d="M2.2 11.5a6 6 0 1 1 11.6 0" />
    <path d="m8 10.5 3-4.2" />
    <circle cx="8" cy="10.7" r="1" />
  </>,
);
export const TracesIcon = icon(<path d="M2 3.5h8M5 8h6M8 12.5h6" strokeWidth="2" />);
export const LogsIcon = icon(<path d="M2.5 3.5h11M2.5 6.5h11M2.5 9.5h7M2.5 12.5h9" />);
export const IncidentsIcon = icon(<path d="M8.8 1.8 3.2 9h4l-.8 5.2L12.8 7H8.6Z" />);
export const AlertsIcon = icon(
  <>
    <path d="M8 2.2a4 4 0 0 1 4 4c0 3.4 1.5 4.6 1.5 4.6h-11S4 9.6 4 6.2a4 4 0 0 1 4-4Z" />
    <path d="M6.7 13.3a1.4 1.4 0 0 0 2.6 0" />
  </>,
);
export const MetricsIcon = icon(<path d="M2 12.8 5.6 8l3 2.6L14 3.6M10.4 3.4H14V7" />);
export const PictureIcon = icon(
  <>
    <rect x="2.2" y="3" width="11.6" height="10" rx="1.5" />
    <path d="m2.6 11.4 3.2-3.2 2.4 2.2 2.4-3 2.8 3.2" />
  </>,
);
export const PlusIcon = icon(<path d="M8 3.2v9.6M3.2 8h9.6" />);
export const EyeIcon = icon(
  <>
    <path d="M1.6 8S4 3.8 8 3.8 14.4 8 14.4 8 12 12.2 8 12.2 1.6 8 1.6 8Z" />
    <circle cx="8" cy="8" r="1.9" />
  </>,
);
export const EyeOffIcon = icon(<path d="M1.6 8S4 3.8 8 3.8 14.4 8 14.4 8 12 12.2 8 12.2 1.6 8 1.6 8ZM3 13 13 3" />);
export const SlosIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <circle cx="8" cy="8" r="2.2" />
  </>,
);
export const DriftIcon = icon(
  <>
    <path d="M1.5 12.5c2.2 0 2.4-8 4.3-8s2.1 8 4.3 8" />
    <path d="M6.5 12.5c2 0 2.2-5.5 4-5.5s2 5.5 4 5.5" strokeDasharray="1.6 2.2" />
  </>,
);
export const DataIcon = icon(
  <>
    <ellipse cx="8" cy="3.8" rx="5.3" ry="2" />
    <path d="M2.7 3.8v8.4c0 1.1 2.4 2 5.3 2s5.3-.9 5.3-2V3.8M2.7 8c0 1.1 2.4 2 5.3 2s5.3-.9 5.3-2" />
  </>,
);
export const DoctorIcon = icon(<path d="M1.5 8.5h3l1.6-4 3 8 1.8-4h3.6" />);
export const SunIcon = icon(
  <>
    <circle cx="8" cy="8" r="2.8" />
    <path d="M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9" />
  </>,
);
export const MoonIcon = icon(<path d="M13.2 9.6A5.8 5.8 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z" />);
export const SystemIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M8 2.2v11.6a5.8 5.8 0 0 0 0-11.6Z" fill="currentColor" />
  </>,
);
export const ClockIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M8 4.8V8l2.2 1.6" />
  </>,
);
export const PlayIcon = icon(<path d="M5 3.2v9.6l7.6-4.8Z" fill="currentColor" />);
export const PauseIcon = icon(<path d="M5.2 3.5v9M10.8 3.5v9" strokeWidth="2.2" />);
export const LeftIcon = icon(<path d="M10 3.5 5.5 8l4.5 4.5" />);
export const RightIcon = icon(<path d="M6 3.5 10.5 8 6 12.5" />);
export const DownIcon = icon(<path d="M3.5 6 8 10.5 12.5 6" />);
export const ZoomOutIcon = icon(
  <>
    <circle cx="7" cy="7" r="4.6" />
    <path d="m10.5 10.5 3.3 3.3M4.9 7h4.2" />
  </>,
);
export const ReleasesIcon = icon(
  <>
    <path d="M2.5 5h8.5M8.5 2.5 11 5 8.5 7.5" />
    <path d="M13.5 11H5M7.5 8.5 5 11l2.5 2.5" />
  </>,
);
export const CapacityIcon = icon(
  <>
    <path d="M2.2 13.5V2.5M2.2 13.5h11.6" />
    <path d="M4.5 11c4.6-.2 6.6-1.6 7.6-7.5" />
  </>,
);
export const MoreIcon = icon(<path d="M3.5 8h.1M8 8h.1M12.5 8h.1" strokeWidth="2.4" />);
export const SearchIcon = icon(
  <>
    <circle cx="7" cy="7" r="4.6" />
    <path d="m10.5 10.5 3.3 3.3" />
  </>,
);
export const CloseIcon = icon(<path d="m4 4 8 8M12 4l-8 8" />);
export const CopyIcon = icon(
  <>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5" />
  </>,
);
export const HelpIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M6.3 6.4a1.8 1.8 0 1 1 2.6 1.7c-.6.3-.9.7-.9 1.3M8 11.6v.1" />
  </>,
);
export const OkIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="m5.4 8.2 1.8 1.8 3.4-3.8" />
  </>,
);
export const WarnIcon = icon(
  <>
    <path d="M8 2.2 14.4 13.2H1.6Z" />
    <path d="M8 6.4v3.2M8 11.4v.1" />
  </>,
);
export const BadIcon = icon(
  <>
    <path d="M5.4 2h5.2L14 5.4v5.2L10.6 14H5.4L2 10.6V5.4Z" />
    <path d="m5.8 5.8 4.4 4.4M10.2 5.8l-4.4 4.4" />
  </>,
);
export const SilentIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" strokeDasharray="2.2 2.35" />
    <path d="M5.5 8h5" />
  </>,
);
export const FilterInIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M8 5.4v5.2M5.4 8h5.2" />
  </>,
);
export const FilterOutIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M5.4 8h5.2" />
  </>,
);
