"""Text to syntax trees and back: parsing, checking, printing, imports. Loads no torch."""
